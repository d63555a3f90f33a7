package io.bianque.streams;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class NetworksCommandTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  @TempDir Path folder;

  private int run(String... arguments) {
    CommandLine line = BianqueStreams.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    return line.execute(arguments);
  }

  private String file(String text) throws Exception {
    Path file = folder.resolve("networks.yaml");
    Files.writeString(file, text);
    return file.toString();
  }

  @Test
  void checksAFileAndSaysWhereAddressesAre() throws Exception {
    String file = file("networks:\n  10.0.0.0/8: {site: fra1}\n  ::1/128: {owner: all}\n");

    assertThat(run("networks", "check", file, "10.1.2.3", "::1", "192.0.2.1")).isZero();
    assertThat(out.toString().lines())
        .containsExactly(
            file + ": right; 2 networks",
            "10.1.2.3: in 10.0.0.0/8; site: fra1; owner: not said",
            "::1: in ::1/128; site: not said; owner: all",
            "192.0.2.1: in none of them");
  }

  @Test
  void refusesAWrongFileWithEveryMistake() throws Exception {
    String file = file("networks:\n  10.0.0.1/8: {}\n  ten/8: {}\n");

    assertThat(run("networks", "check", file)).isEqualTo(2);
    assertThat(err.toString()).contains(file + ":2:3: ", file + ":3:3: ");
  }

  @Test
  void refusesWhatIsNoAddress() throws Exception {
    assertThat(run("networks", "check", file("networks: {}\n"), "localhost")).isEqualTo(2);
    assertThat(err.toString()).contains("'localhost' is no IP address");
  }
}
