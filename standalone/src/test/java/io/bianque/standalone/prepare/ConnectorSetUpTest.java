package io.bianque.standalone.prepare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConnectorSetUpTest {

  @TempDir private Path folder;

  @Test
  void variablesAreFilledInWhateverTheirValuesHold() throws IOException {
    Path file = Files.writeString(folder.resolve("c.json"), "{\"url\": \"${search.url}/${x}\"}");

    assertThat(ConnectorSetUp.substitute(file, Map.of("search.url", "http://h:1", "x", "$1\\")))
        .isEqualTo("{\"url\": \"http://h:1/$1\\\"}");
  }

  @Test
  void aVariableWithoutValueIsNamedTogetherWithThoseThatHaveOne() throws IOException {
    Path file = Files.writeString(folder.resolve("c.json"), "{\"a\": \"${serach.url}\"}");

    assertThatThrownBy(() -> ConnectorSetUp.substitute(file, Map.of("search.url", "x")))
        .hasMessageContaining("c.json")
        .hasMessageContaining("${serach.url}")
        .hasMessageContaining("[search.url]");
  }

  @Test
  void theFilesOfThisProjectUseOnlyVariablesThatThereAre() throws IOException {
    Path connectors = Path.of("../deploy/connect");
    Map<String, String> variables =
        Map.of(
            "bootstrap.servers",
            "b",
            "registry.url",
            "r",
            "search.url",
            "s",
            "lines.path",
            "l",
            "namespace",
            "n");
    try (var files = Files.list(connectors)) {
      for (Path file : files.toList()) {
        assertThat(ConnectorSetUp.substitute(file, variables)).doesNotContain("${");
      }
    }
  }
}
