package io.bianque.standalone;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topic;
import io.bianque.schemas.registry.RegistryClient;
import io.bianque.schemas.registry.RegistryUnreachable;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.schemas.wire.UnreadableRecord;
import io.bianque.standalone.live.EventView;
import io.bianque.standalone.live.Filter;
import io.bianque.standalone.live.StackState;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.Ports;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Prints a topic's records as they come. */
@Command(
    name = "tail",
    description = "Prints the records of a topic, decoded, as they come. Ctrl-C ends it.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  ./bianque tail enriched.dropwatch",
      "  ./bianque tail enriched.dropwatch --filter drop_reason=NO_SOCKET --filter kernel_stack~tcp_v4_rcv",
      "  ./bianque tail raw.dropwatch --since 10m --output json | jq .value",
      "  ./bianque tail hosts --from-beginning --count 1"
    },
    mixinStandardHelpOptions = true)
public final class TailCommand implements Callable<Integer> {

  private static final String PREFIX = "bianque.";

  /** Topics that a probe of one's own may have, and those of routes. */
  private static final Pattern OWN =
      Pattern.compile(
          "bianque\\.((raw|enriched|ignored)\\.[a-z][a-z0-9_]*|routed\\.[a-z0-9][a-z0-9_-]*)");

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("HH:mm:ss.SSS").withZone(ZoneId.systemDefault());

  @Parameters(
      paramLabel = "TOPIC",
      description = "A topic; the leading \"bianque.\" may be left out.")
  private String topic;

  @Option(
      names = "--output",
      description = "${COMPLETION-CANDIDATES}. JSON is one object a line. Default: text.")
  private Output output = Output.TEXT;

  @Option(
      names = "--filter",
      paramLabel = "FIELD=VALUE",
      description =
          "Only records for which it holds; also != and ~ (contains). May be repeated: all must hold.")
  private List<String> filters = List.of();

  @Option(names = "--from-beginning", description = "Begin with the oldest record.")
  private boolean fromBeginning;

  @Option(
      names = "--since",
      paramLabel = "TIME",
      description =
          "Begin with records of that time: 30s, 10m, 2h, 1d ago, or an instant as 2026-01-31T12:00:00Z.")
  private Optional<String> since = Optional.empty();

  @Option(
      names = {"-n", "--count"},
      paramLabel = "NUMBER",
      description = "End after so many records.")
  private long count = Long.MAX_VALUE;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException, InterruptedException {
    PrintWriter out = spec.commandLine().getOut();
    List<Filter> conditions = conditions();
    Optional<Instant> begin = since.map(TailCommand::instant);
    String name = fullName();
    Layout layout = Layout.of(Path.of("."));
    Ports ports =
        StackState.readRunning(layout)
            .orElseThrow(() ->
                new UserError(ExitCode.NOT_RUNNING, "the stack is down; ./bianque up starts it"))
            .ports();
    AvroReader<GenericRecord> reader = AvroReader.generic(new RegistryClient(ports.registryApi()));
    try (KafkaConsumer<byte[], byte[]> consumer = consumer(ports)) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(name).stream()
              .map(partition -> new TopicPartition(name, partition.partition()))
              .toList();
      consumer.assign(partitions);
      seek(consumer, partitions, begin);
      Thread main = Thread.currentThread();
      Thread onInterrupt = Thread.ofPlatform().unstarted(() -> end(consumer, main));
      Runtime.getRuntime().addShutdownHook(onInterrupt);
      print(consumer, reader, conditions, out, layout);
      Runtime.getRuntime().removeShutdownHook(onInterrupt);
    } catch (WakeupException interrupted) {
      return ExitCode.OK;
    }
    return ExitCode.OK;
  }

  private void print(
      Consumer<byte[], byte[]> consumer,
      AvroReader<GenericRecord> reader,
      List<Filter> conditions,
      PrintWriter out,
      Layout layout)
      throws IOException {
    long left = count;
    while (left > 0 && !out.checkError()) {
      ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofSeconds(1));
      if (records.isEmpty() && StackState.readRunning(layout).isEmpty()) {
        throw new UserError(ExitCode.NOT_RUNNING, "the stack went down; ./bianque up starts it");
      }
      for (ConsumerRecord<byte[], byte[]> record : records) {
        ObjectNode value = decode(reader, record);
        if (left > 0 && conditions.stream().allMatch(condition -> condition.accepts(value))) {
          out.println(output == Output.JSON ? json(record, value) : text(record, value));
          left--;
        }
      }
      out.flush();
    }
  }

  /** The record's value; for one that cannot be read, the reason. */
  private static ObjectNode decode(
      AvroReader<GenericRecord> reader, ConsumerRecord<byte[], byte[]> record) {
    if (record.value() == null) {
      return com.fasterxml.jackson.databind.node.JsonNodeFactory.instance
          .objectNode()
          .put("tombstone", true);
    }
    try {
      return EventView.json(reader.read(record.value()));
    } catch (UnreadableRecord unreadable) {
      return com.fasterxml.jackson.databind.node.JsonNodeFactory.instance
          .objectNode()
          .put("unreadable", unreadable.getMessage());
    } catch (RegistryUnreachable away) {
      throw new UserError(
          ExitCode.FAILED, "the schema registry cannot be asked: " + away.getMessage());
    }
  }

  private static String text(ConsumerRecord<byte[], byte[]> record, ObjectNode value) {
    return "%s %d@%d  %s"
        .formatted(
            TIME.format(Instant.ofEpochMilli(record.timestamp())),
            record.partition(),
            record.offset(),
            EventView.lines(value));
  }

  private static String json(ConsumerRecord<byte[], byte[]> record, ObjectNode value) {
    ObjectNode node = value.objectNode();
    node.put("topic", record.topic());
    node.put("partition", record.partition());
    node.put("offset", record.offset());
    node.put("timestamp", Instant.ofEpochMilli(record.timestamp()).toString());
    node.put("key", record.key() == null ? null : new String(record.key(), StandardCharsets.UTF_8));
    if (record.headers().iterator().hasNext()) {
      ObjectNode headers = node.putObject("headers");
      record
          .headers()
          .forEach(header ->
              headers.put(
                  header.key(),
                  header.value() == null
                      ? null
                      : new String(header.value(), StandardCharsets.UTF_8)));
    }
    node.set("value", value);
    return EventView.compact(node);
  }

  private List<Filter> conditions() {
    try {
      return filters.stream().map(Filter::parse).toList();
    } catch (IllegalArgumentException wrong) {
      throw new UserError(ExitCode.USAGE, wrong.getMessage());
    }
  }

  private String fullName() {
    List<String> known = Catalogue.load().topics().stream().map(Topic::name).toList();
    String name = topic.startsWith(PREFIX) ? topic : PREFIX + topic;
    if (!known.contains(name) && !OWN.matcher(name).matches()) {
      throw new UserError(
          ExitCode.USAGE,
          "no topic "
              + topic
              + ". There are: "
              + String.join(", ", known.stream().map(n -> n.substring(PREFIX.length())).toList()));
    }
    return name;
  }

  /** {@code 10m} or an ISO instant. */
  static Instant instant(String text) {
    try {
      if (text.matches("\\d+[smhd]")) {
        long amount = Long.parseLong(text.substring(0, text.length() - 1));
        Duration ago =
            switch (text.charAt(text.length() - 1)) {
              case 's' -> Duration.ofSeconds(amount);
              case 'm' -> Duration.ofMinutes(amount);
              case 'h' -> Duration.ofHours(amount);
              default -> Duration.ofDays(amount);
            };
        return Instant.now().minus(ago);
      }
      return Instant.parse(text);
    } catch (DateTimeParseException | NumberFormatException wrong) {
      throw new UserError(
          ExitCode.USAGE,
          "--since " + text + " is no time; write 30s, 10m, 2h, 1d, or 2026-01-31T12:00:00Z");
    }
  }

  private void seek(
      Consumer<byte[], byte[]> consumer, List<TopicPartition> partitions, Optional<Instant> begin) {
    if (begin.isPresent()) {
      Map<TopicPartition, Long> asked = new HashMap<>();
      partitions.forEach(partition -> asked.put(partition, begin.get().toEpochMilli()));
      consumer.seekToEnd(partitions);
      consumer
          .offsetsForTimes(asked)
          .forEach((partition, found) -> {
            if (found != null) {
              consumer.seek(partition, found.offset());
            }
          });
    } else if (fromBeginning) {
      consumer.seekToBeginning(partitions);
    } else {
      consumer.seekToEnd(partitions);
    }
  }

  private static KafkaConsumer<byte[], byte[]> consumer(Ports ports) {
    return new KafkaConsumer<>(
        Map.of(
            ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, ports.bootstrapServers(),
            ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed",
            ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false",
            ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest",
            ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, "false"),
        new ByteArrayDeserializer(),
        new ByteArrayDeserializer());
  }

  /** On Ctrl-C: lets the loop end between two lines. */
  private static void end(Consumer<byte[], byte[]> consumer, Thread main) {
    consumer.wakeup();
    try {
      main.join(Duration.ofSeconds(2));
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
