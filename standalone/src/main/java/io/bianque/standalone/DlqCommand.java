package io.bianque.standalone;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.bianque.facts.DeadLetter;
import io.bianque.schemas.wire.UnreadableRecord;
import io.bianque.standalone.deadletter.DeadLetterTopic;
import io.bianque.standalone.deadletter.DeadLetterTopic.Letter;
import io.bianque.standalone.live.EventView;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Shows dead letters, and sends them again. */
@Command(
    name = "dlq",
    description = "Shows records that could not be processed, and sends them again.",
    synopsisSubcommandLabel = "COMMAND",
    footerHeading = "%nExamples:%n",
    footer = {
      "  ./bianque dlq list --since 1d",
      "  ./bianque dlq list --reason unknown-schema-id --topic raw.dropwatch --output json",
      "  ./bianque dlq show 0@17",
      "  ./bianque dlq retry 0@17 0@18",
      "  ./bianque dlq retry --reason unknown-schema-id --since 2h"
    },
    mixinStandardHelpOptions = true)
public final class DlqCommand implements Runnable {
  private static final Pattern ID = Pattern.compile("(\\d{1,9})@(\\d{1,18})");
  private static final String PREFIX = "bianque.";
  private static final int BYTES_A_LINE = 16;
  private static final int BYTES_SHOWN = 512;

  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "What? list, show or retry; see --help");
  }

  /** How it is shown. */
  static final class Printed {
    @Option(
        names = "--output",
        description = "${COMPLETION-CANDIDATES}. JSON is one object a line. Default: text.")
    private Output output = Output.TEXT;

    boolean isJson() {
      return output == Output.JSON;
    }
  }

  /** Which dead letters. */
  static final class Selection {
    @Option(
        names = "--since",
        paramLabel = "TIME",
        description =
            "Only records of that time or later: 30s, 10m, 2h, 1d ago, or an instant as 2026-01-31T12:00:00Z.")
    private Optional<String> since = Optional.empty();

    @Option(
        names = "--reason",
        paramLabel = "WORD",
        description =
            "Only those given up for that: unknown-schema-id, truncated, not-avro, too-large.")
    private Optional<String> reason = Optional.empty();

    @Option(
        names = "--topic",
        description = "Only those of that topic; the leading \"bianque.\" may be left out.")
    private Optional<String> topic = Optional.empty();

    boolean isEmpty() {
      return since.isEmpty() && reason.isEmpty() && topic.isEmpty();
    }

    Instant begin() {
      return since.map(TailCommand::instant).orElse(Instant.EPOCH);
    }

    boolean has(Letter letter) {
      return reason.filter(word -> !word.equals(letter.content().getReason())).isEmpty()
          && topic.filter(name -> !fullName(name).equals(letter.content().getTopic())).isEmpty();
    }

    private static String fullName(String name) {
      return name.startsWith(PREFIX) ? name : PREFIX + name;
    }
  }

  @Command(
      name = "list",
      description = "Lists dead letters, the newest last, and how many there are of each kind.",
      mixinStandardHelpOptions = true)
  int list(
      @Mixin Selection selection,
      @Option(
              names = {"-n", "--count"},
              paramLabel = "NUMBER",
              defaultValue = "20",
              description = "How many of the newest. Default: ${DEFAULT-VALUE}.")
          int count,
      @Mixin Printed printed,
      @Mixin Connection connection)
      throws IOException {
    Deque<Letter> newest = new ArrayDeque<>();
    Map<String, Integer> kinds = new TreeMap<>();
    try (DeadLetterTopic topic = open(connection)) {
      topic.visit(
          selection.begin(),
          letter -> {
            if (selection.has(letter)) {
              kinds.merge(kind(letter.content()), 1, Integer::sum);
              newest.addLast(letter);
              if (newest.size() > count) {
                newest.removeFirst();
              }
            }
          });
    }
    if (printed.isJson()) {
      newest.forEach(letter -> out().println(EventView.compact(json(letter))));
      return ExitCode.OK;
    }
    if (kinds.isEmpty()) {
      out().println("no dead letters");
      return ExitCode.OK;
    }
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("LETTER", "TIME", "STAGE", "REASON", "RECORD", "KEY", "DETAIL"));
    newest.forEach(letter -> rows.add(row(letter)));
    Text.table(rows).forEach(out()::println);
    out().println();
    kinds.forEach((kind, number) -> out().printf("%,d %s%n", number, kind));
    return ExitCode.OK;
  }

  @Command(
      name = "show",
      description =
          "Shows a dead letter whole: why it was given up, its bytes, and what is in them now.",
      mixinStandardHelpOptions = true)
  int show(
      @Parameters(paramLabel = "LETTER", description = "As list shows it: 0@17.") String id,
      @Mixin Printed printed,
      @Mixin Connection connection)
      throws IOException {
    try (DeadLetterTopic topic = open(connection)) {
      Letter letter = find(topic, id);
      ObjectNode node = json(letter);
      byte[] value = DeadLetterTopic.bytes(letter.content().getValue());
      node.put("value", value == null ? null : HexFormat.of().formatHex(value));
      if (value != null) {
        try {
          node.set("record", EventView.json(topic.record(letter)));
        } catch (UnreadableRecord e) {
          node.put("unreadable", e.getMessage());
        }
      }
      if (printed.isJson()) {
        out().println(EventView.compact(node));
        return ExitCode.OK;
      }
      node.remove("value");
      out().println(EventView.lines(node));
      hexDump(value);
    }
    return ExitCode.OK;
  }

  @Command(
      name = "retry",
      description =
          "Sends dead letters again to the topic and partition that they came from, as they were: those that can be"
              + " read by now, or all with --force. One that fails again is a dead letter again.",
      mixinStandardHelpOptions = true)
  int retry(
      @Parameters(paramLabel = "LETTER", arity = "0..*", description = "As list shows it: 0@17.")
          List<String> ids,
      @Mixin Selection selection,
      @Option(names = "--force", description = "Also those that still cannot be read.")
          boolean force,
      @Option(names = "--dry-run", description = "Says what would be sent, and sends nothing.")
          boolean dryRun,
      @Mixin Printed printed,
      @Mixin Connection connection)
      throws IOException, InterruptedException {
    List<String> named = ids == null ? List.of() : ids;
    if (named.isEmpty() == selection.isEmpty()) {
      throw new UserError(
          ExitCode.USAGE, "which ones? either their ids, or --reason, --topic and --since");
    }
    int sent = 0;
    List<Letter> letters = new ArrayList<>();
    try (DeadLetterTopic topic = open(connection)) {
      for (String id : named) {
        letters.add(find(topic, id));
      }
      if (named.isEmpty()) {
        topic.visit(
            selection.begin(),
            letter -> {
              if (selection.has(letter)) {
                letters.add(letter);
              }
            });
      }
      for (Letter letter : letters) {
        Optional<String> trouble = force ? Optional.empty() : trouble(topic, letter);
        String to = letter.content().getTopic() + "-" + letter.content().getPartition();
        ObjectNode line = JsonNodeFactory.instance.objectNode().put("letter", letter.id());
        String words;
        if (trouble.isPresent()) {
          line.put("sent", false).put("why", trouble.get());
          words = "left: " + trouble.get();
        } else if (dryRun) {
          line.put("sent", false).put("why", "dry run").put("to", to);
          words = "would go to " + to;
          sent++;
        } else {
          long offset = topic.retry(letter);
          line.put("sent", true).put("to", to).put("offset", offset);
          words = "sent to " + to + "@" + offset;
          sent++;
        }
        out().println(printed.isJson() ? EventView.compact(line) : letter.id() + "  " + words);
        out().flush();
      }
    }
    if (!printed.isJson()) {
      out()
          .printf("%,d of %,d %s%n", sent, letters.size(), dryRun ? "would be sent" : "sent again");
    }
    return sent == letters.size() ? ExitCode.OK : ExitCode.FAILED;
  }

  /** Why it would come back; empty when it may be read by now. */
  private static Optional<String> trouble(DeadLetterTopic topic, Letter letter) {
    if (letter.content().getValue() == null) {
      return Optional.of("it has no value");
    }
    try {
      var _ = topic.record(letter);
      return Optional.empty();
    } catch (UnreadableRecord e) {
      return Optional.of("it still cannot be read: " + e.getMessage());
    }
  }

  private static Letter find(DeadLetterTopic topic, String id) {
    Matcher parts = ID.matcher(id);
    if (!parts.matches()) {
      throw new UserError(ExitCode.USAGE, id + " is no dead letter's id; list shows them, as 0@17");
    }
    return topic
        .find(Integer.parseInt(parts.group(1)), Long.parseLong(parts.group(2)))
        .orElseThrow(() -> new UserError(ExitCode.FAILED, "there is no dead letter " + id));
  }

  private static DeadLetterTopic open(Connection connection) throws IOException {
    Connection.Addresses at = connection.addresses();
    return new DeadLetterTopic(at.bootstrapServers(), at.registry());
  }

  private static String kind(DeadLetter letter) {
    return "%s of %s, by %s".formatted(letter.getReason(), letter.getTopic(), letter.getStage());
  }

  private static List<String> row(Letter letter) {
    DeadLetter content = letter.content();
    return List.of(
        letter.id(),
        content.getTimestamp().toString(),
        content.getStage(),
        content.getReason(),
        "%s-%d@%d".formatted(content.getTopic(), content.getPartition(), content.getOffset()),
        content.getKey() == null ? "" : text(content.getKey()),
        content.getDetail());
  }

  private static ObjectNode json(Letter letter) {
    DeadLetter content = letter.content();
    return JsonNodeFactory.instance
        .objectNode()
        .put("letter", letter.id())
        .put("time", content.getTimestamp().toString())
        .put("stage", content.getStage())
        .put("reason", content.getReason())
        .put("detail", content.getDetail())
        .put("topic", content.getTopic())
        .put("partition", content.getPartition())
        .put("offset", content.getOffset())
        .put("key", content.getKey() == null ? null : text(content.getKey()));
  }

  private static String text(ByteBuffer bytes) {
    return new String(DeadLetterTopic.bytes(bytes), StandardCharsets.UTF_8);
  }

  private void hexDump(byte[] value) {
    if (value == null) {
      return;
    }
    HexFormat hex = HexFormat.ofDelimiter(" ");
    int shown = Math.min(value.length, BYTES_SHOWN);
    for (int at = 0; at < shown; at += BYTES_A_LINE) {
      int end = Math.min(at + BYTES_A_LINE, shown);
      StringBuilder letters = new StringBuilder();
      for (int i = at; i < end; i++) {
        letters.append(value[i] >= ' ' && value[i] < 0x7f ? (char) value[i] : '.');
      }
      out().printf("%06x  %-47s  %s%n", at, hex.formatHex(value, at, end), letters);
    }
    if (shown < value.length) {
      out().printf("… %,d bytes in all; --output json has them%n", value.length);
    }
  }

  private PrintWriter out() {
    return spec.commandLine().getOut();
  }
}
