package io.bianque.tests.components;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.bianque.standalone.Standalone;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.Part;
import io.bianque.standalone.stack.Ports;
import io.bianque.standalone.stack.Stack;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A checkout in /root: root may pass, and the user that Elasticsearch runs as may not. */
@Tag("integration")
class ClosedFolderTest {

  @Test
  void theSearchServerRunsFromAndInAFolderThatOnlyRootMayPass() throws Exception {
    assumeTrue(
        "root".equals(System.getProperty("user.name")),
        "needs root: for anybody else all servers run as the same user");
    Path closed =
        Files.createTempDirectory(
            "bianque-closed",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    try {
      Layout here = Layout.of(Path.of(""));
      run("cp", "-a", here.server("search").toString(), closed.resolve("search").toString());
      Layout layout = new Layout(here.checkout(), closed, closed.resolve("data"));
      List<Part> search =
          Standalone.servers(layout, Ports.free()).stream()
              .filter(part -> part.name().equals(Component.SEARCH.part))
              .toList();
      try (Stack stack = new Stack(search, line -> {})) {
        assertThat(stack.start(List.of(Component.SEARCH.part), Duration.ofMinutes(1)))
            .as(() -> stack.report(Component.SEARCH.part).toString())
            .isTrue();
        assertThat(stack.report(Component.SEARCH.part).restarts()).isZero();
      }
    } finally {
      run("rm", "-rf", closed.toString());
    }
  }

  private static void run(String... command) throws IOException, InterruptedException {
    assertThat(new ProcessBuilder(command).inheritIO().start().waitFor()).isZero();
  }
}
