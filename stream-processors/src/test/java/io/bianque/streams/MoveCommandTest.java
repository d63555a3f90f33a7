package io.bianque.streams;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class MoveCommandTest {
  private final StringWriter err = new StringWriter();

  private int run(String... arguments) {
    CommandLine line = BianqueStreams.commandLine();
    line.setErr(new PrintWriter(err, true));
    return line.execute(arguments);
  }

  @Test
  void whatMovesFromOneSideHasToArriveAtTheOther() {
    assertThat(run("move", "--from", "all", "--to", "enrich")).isEqualTo(2);
    assertThat(err.toString())
        .startsWith("what moves is [enrich, symbol-requests], and what arrives is [enrich]");
  }

  @Test
  void aPartCannotRunInTwoApplications() {
    assertThat(run("move", "--from", "all", "--to", "all", "--to", "enrich")).isEqualTo(2);
    assertThat(err.toString()).startsWith("enrich is named twice");
  }

  @Test
  void anApplicationIsNotMovedToItself() {
    assertThat(run("move", "--from", "all", "--to", "symbol-requests,enrich")).isEqualTo(2);
    assertThat(err.toString()).startsWith("bianque-streams is on both sides");
  }

  @Test
  void aPartThatIsNotThereIsRefused() {
    assertThat(run("move", "--from", "all", "--to", "enrihc")).isEqualTo(2);
    assertThat(err.toString()).startsWith("there is no part 'enrihc' (did you mean 'enrich'?)");
  }
}
