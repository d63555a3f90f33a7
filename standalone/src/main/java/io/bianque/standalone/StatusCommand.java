package io.bianque.standalone;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.bianque.standalone.live.Lag;
import io.bianque.standalone.live.StackState;
import io.bianque.standalone.part.Broker;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.OwnedProcess;
import io.bianque.standalone.stack.PartReport;
import io.bianque.standalone.stack.PartState;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Each part's health. */
@Command(
    name = "status",
    description =
        "Shows each part's health, version, address, pid, memory, restarts and lag. Exit code 0 when all runs, 1 when something"
            + " does not, 4 when the stack is down.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  ./bianque status",
      "  ./bianque status --output json | jq -r '.parts[] | select(.state != \"running\") | .name'"
    },
    mixinStandardHelpOptions = true)
public final class StatusCommand implements Callable<Integer> {

  private static final ObjectMapper JSON = new ObjectMapper();

  @Option(names = "--output", description = "${COMPLETION-CANDIDATES}. Default: text.")
  private Output output = Output.TEXT;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException, InterruptedException {
    PrintWriter out = spec.commandLine().getOut();
    Optional<StackState> state = StackState.readRunning(Layout.of(Path.of(".")));
    if (state.isEmpty()) {
      out.println(
          output == Output.JSON ? "{\"parts\":[]}" : "The stack is down; ./bianque up starts it.");
      return ExitCode.NOT_RUNNING;
    }
    Map<String, Long> lag =
        state.get().parts().stream()
                .anyMatch(
                    part -> part.name().equals(Broker.NAME) && part.state() == PartState.RUNNING)
            ? Lag.byPart(state.get().ports().bootstrapServers())
            : Map.of();
    if (output == Output.JSON) {
      out.println(json(state.get(), lag));
    } else {
      print(out, state.get(), lag);
    }
    return state.get().isRunning() ? ExitCode.OK : ExitCode.FAILED;
  }

  private static String json(StackState state, Map<String, Long> lag) throws IOException {
    ObjectNode root = JSON.createObjectNode();
    ArrayNode parts = root.putArray("parts");
    for (PartReport part : state.parts()) {
      ObjectNode node = parts.addObject();
      node.put("name", part.name());
      node.put("state", part.state().word());
      node.put("url", part.url().toString());
      node.put("pid", part.mainProcess().map(OwnedProcess::pid).orElse(null));
      node.put("rss_bytes", part.residentBytes());
      node.put("version", part.version());
      node.put("restarts", part.restarts());
      node.put("since", part.since().toString());
      node.put("lag", lag.get(part.name()));
      node.put("detail", part.detail().orElse(null));
      node.put("log", part.log().toString());
    }
    ObjectNode supervisor = root.putObject("supervisor");
    supervisor.put("pid", state.supervisor().pid());
    supervisor.put("rss_bytes", state.supervisor().residentBytes());
    supervisor.put("since", state.startedAt().toString());
    root.put("source", state.source().word());
    root.put("port_base", state.ports().base());
    return JSON.writeValueAsString(root);
  }

  private static void print(PrintWriter out, StackState state, Map<String, Long> lag) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(
        List.of("PART", "STATE", "FOR", "VERSION", "ADDRESS", "PID", "RSS", "LAG", "RESTARTS"));
    long total = state.supervisor().residentBytes();
    for (PartReport part : state.parts()) {
      total += part.residentBytes();
      rows.add(
          List.of(
              part.name(),
              part.state().word(),
              Text.age(part.since()),
              part.version(),
              part.url().toString(),
              part.mainProcess().map(process -> Long.toString(process.pid())).orElse("-"),
              Text.memory(part.residentBytes()),
              lag.containsKey(part.name()) ? lag.get(part.name()).toString() : "-",
              Integer.toString(part.restarts())));
    }
    rows.add(
        List.of(
            "supervisor",
            "running",
            Text.age(state.startedAt()),
            "",
            "",
            Long.toString(state.supervisor().pid()),
            Text.memory(state.supervisor().residentBytes()),
            "",
            ""));
    Text.table(rows).forEach(out::println);
    out.println("total RSS " + Text.memory(total) + ", source of events: " + state.source().word());
    state.parts().stream()
        .filter(part -> part.detail().isPresent())
        .forEach(part -> out.println(part.name() + ": " + part.detail().get()));
  }
}
