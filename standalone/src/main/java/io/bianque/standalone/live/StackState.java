package io.bianque.standalone.live;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.OwnedProcess;
import io.bianque.standalone.stack.PartReport;
import io.bianque.standalone.stack.PartState;
import io.bianque.standalone.stack.Ports;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What a supervisor says of its stack, kept in {@code run/state.json}: who it is, where its parts
 * are, and which processes it owns, so that a later command can end what a killed supervisor left
 * behind.
 */
public record StackState(
    OwnedProcess supervisor,
    Ports ports,
    Source source,
    Instant startedAt,
    List<PartReport> parts) {

  private static final ObjectMapper JSON = new ObjectMapper();

  /** Where raw events come from. */
  public enum Source {
    /** This machine's kernel. */
    LIVE,
    /** The recording in the agent's distribution. */
    RECORDED;

    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  public StackState {
    parts = List.copyOf(parts);
  }

  public static Path file(Layout layout) {
    return layout.run().resolve("state.json");
  }

  /** The state that was written last; its supervisor may be dead by now. */
  public static Optional<StackState> read(Layout layout) throws IOException {
    String text;
    try {
      text = Files.readString(file(layout));
    } catch (NoSuchFileException never) {
      return Optional.empty();
    }
    JsonNode json = JSON.readTree(text);
    List<PartReport> parts = new ArrayList<>();
    for (JsonNode part : json.path("parts")) {
      List<OwnedProcess> processes = new ArrayList<>();
      part.path("processes").forEach(process -> processes.add(process(process)));
      parts.add(
          new PartReport(
              part.path("name").asText(),
              PartState.valueOf(part.path("state").asText().toUpperCase(Locale.ROOT)),
              part.path("version").asText(),
              URI.create(part.path("url").asText()),
              Path.of(part.path("log").asText()),
              processes,
              part.path("restarts").asInt(),
              Instant.parse(part.path("since").asText()),
              part.hasNonNull("detail")
                  ? Optional.of(part.get("detail").asText())
                  : Optional.empty()));
    }
    return Optional.of(
        new StackState(
            process(json.path("supervisor")),
            new Ports(json.path("port_base").asInt()),
            Source.valueOf(json.path("source").asText().toUpperCase(Locale.ROOT)),
            Instant.parse(json.path("started_at").asText()),
            parts));
  }

  /** The state of a stack whose supervisor lives. */
  public static Optional<StackState> readRunning(Layout layout) throws IOException {
    return read(layout).filter(state -> state.supervisor.isAlive());
  }

  /** Replaces the file in one step: a reader sees the old state or the new one. */
  public void write(Layout layout) throws IOException {
    ObjectNode json = JSON.createObjectNode();
    json.set("supervisor", json(supervisor));
    json.put("port_base", ports.base());
    json.put("source", source.word());
    json.put("started_at", startedAt.toString());
    ArrayNode array = json.putArray("parts");
    for (PartReport part : parts) {
      ObjectNode node = array.addObject();
      node.put("name", part.name());
      node.put("state", part.state().word());
      node.put("version", part.version());
      node.put("url", part.url().toString());
      node.put("log", part.log().toString());
      node.put("restarts", part.restarts());
      node.put("since", part.since().toString());
      node.put("detail", part.detail().orElse(null));
      ArrayNode processes = node.putArray("processes");
      part.processes().forEach(process -> processes.add(json(process)));
    }
    Path next = file(layout).resolveSibling("state.json.next");
    Files.writeString(next, json.toPrettyString() + "\n");
    Files.move(next, file(layout), StandardCopyOption.ATOMIC_MOVE);
  }

  public boolean isRunning() {
    return parts.stream().allMatch(part -> part.state().isGood());
  }

  public PartReport part(String name) {
    return parts.stream().filter(part -> part.name().equals(name)).findFirst().orElseThrow();
  }

  private static OwnedProcess process(JsonNode json) {
    return new OwnedProcess(json.path("pid").asLong(), json.path("start_ticks").asLong());
  }

  private static ObjectNode json(OwnedProcess process) {
    return JSON.createObjectNode()
        .put("pid", process.pid())
        .put("start_ticks", process.startTicks());
  }
}
