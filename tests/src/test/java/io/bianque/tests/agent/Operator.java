package io.bianque.tests.agent;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.standalone.stack.Layout;
import io.bianque.tests.components.Components;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Somebody who types {@code ./bianque …} and reads what comes. */
public final class Operator {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int LIMIT_SECONDS = 90;

  private final Components components;

  public Operator(Components components) {
    this.components = components;
  }

  /** What the command printed: an object a line. */
  public record Answer(int exit, List<JsonNode> lines, String errors) {
    public JsonNode only() {
      assertThat(lines).as(errors).hasSize(1);
      return lines.getFirst();
    }

    /** The one host's outcome, if the request holds there now. */
    JsonNode applied() {
      assertThat(only().path("outcome").asText()).as("%s", lines).isEqualTo("applied");
      assertThat(exit).isZero();
      return only();
    }

    /** Why the one host refused. */
    String refused() {
      assertThat(only().path("outcome").asText()).as("%s", lines).isEqualTo("refused");
      assertThat(exit).isEqualTo(1);
      return only().path("reason").asText();
    }
  }

  Answer control(String... arguments) throws IOException, InterruptedException {
    return run("control", arguments);
  }

  /** Of a command that talks to the broker. */
  public Answer run(String name, String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Layout.of(Path.of("").toAbsolutePath()).checkout().resolve("bianque").toString());
    command.add(name);
    command.addAll(List.of(arguments));
    command.addAll(
        List.of(
            "--output=json",
            "--bootstrap-servers=" + components.bootstrapServers(),
            "--registry=" + components.registry()));
    Path output = Files.createTempFile("bianque-operator", ".out");
    Path errors = Files.createTempFile("bianque-operator", ".err");
    try {
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .redirectOutput(output.toFile())
              .redirectError(errors.toFile())
              .redirectInput(new File("/dev/null"));
      builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
      Process process = builder.start();
      if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        throw new AssertionError(command + " does not end");
      }
      List<JsonNode> lines = new ArrayList<>();
      for (String line : Files.readAllLines(output)) {
        lines.add(JSON.readTree(line));
      }
      return new Answer(process.exitValue(), lines, Files.readString(errors));
    } finally {
      Files.delete(output);
      Files.delete(errors);
    }
  }
}
