package io.bianque.tests.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.testing.NetnsPair;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.wire.WireFormat;
import io.bianque.tests.components.Component;
import io.bianque.tests.components.Components;
import io.bianque.tests.components.RealComponents;
import io.bianque.tests.drops.NumberedDrops;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.file.DataFileReader;
import org.apache.avro.file.DataFileWriter;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@AgentTest
@RealComponents({Component.BROKER, Component.REGISTRY})
class RecordingTest {
  private static final int FAILED = 1;

  private final Components components;
  @TempDir Path folder;

  RecordingTest(Components components) {
    this.components = components;
  }

  @Test
  void whatIsRecordedIsPlayedByteForByteAndWhatIsDamagedIsNotPlayedAtAll() throws Exception {
    Path file = folder.resolve("drops.avro");
    try (AgentProcess agent = new AgentProcess(components, folder, Map.of())) {
      mustPlayTheSame(agent, file, record(agent, file));
    }
  }

  private void mustPlayTheSame(AgentProcess agent, Path file, NumberedDrops drops)
      throws Exception {

    List<GenericRecord> recorded = records(file);
    List<GenericRecord> events =
        recorded.stream().filter(each -> topic(each).equals(Topics.raw("dropwatch"))).toList();
    assertThat(events).hasSizeGreaterThanOrEqualTo(drops.sent());
    String hostId = events.getFirst().get("key").toString();
    Published published = new Published(components, hostId);

    refusesCutOff(agent, file, recorded.size());
    refusesOtherFiles(agent);
    assertThat(published.records(Topics.raw("dropwatch"))).as("nothing of it was played").isEmpty();

    assertThat(agent.run("--play", file.toString(), "--rate", "0"))
        .satisfies(ended -> assertThat(ended.exit()).as(ended.output()).isZero())
        .satisfies(ended -> assertThat(ended.output()).contains(events.size() + " events"));
    mustBeTheSame(events, published.records(Topics.raw("dropwatch")));
    Published.mustBe(Published.numbers(drops, published.events()), 0, drops.sent());
    GenericRecord counters = published.counters().getLast();
    assertThat(counters.get("submitted")).isEqualTo((long) events.size());
    assertThat(counters.get("acked")).isEqualTo((long) events.size());
    Published.mustBalance(counters);
  }

  private static NumberedDrops record(AgentProcess agent, Path file) throws Exception {
    try (NetnsPair network = NetnsPair.open()) {
      agent.launch("--record", file.toString(), "--duration", "3");
      agent.untilLogSays("Attached[");
      NumberedDrops drops = NumberedDrops.exactly(500, network, 1_000, NumberedDrops.FIRST_PORT);
      AgentProcess.Ended ended = agent.untilEnded();
      assertThat(ended.exit()).as(ended.output()).isZero();
      assertThat(ended.output()).contains("events recorded to " + file);
      return drops;
    }
  }

  private void refusesCutOff(AgentProcess agent, Path file, int records) throws Exception {
    Path cut = folder.resolve("cut.avro");
    long size = Files.size(file);
    for (long length : new long[] {0, 3, 100, size / 2, size - 20}) {
      Files.deleteIfExists(cut);
      Files.copy(file, cut);
      try (FileChannel channel = FileChannel.open(cut, StandardOpenOption.WRITE)) {
        channel.truncate(length);
      }
      AgentProcess.Ended ended =
          agent.run("--play", cut.toString(), "--rate", "0").refusedWith(FAILED);
      assertThat(ended.output())
          .contains(cut.toString())
          .containsAnyOf("is no recording", "cut off");
    }
    // Whole blocks: nothing in the file's format says that there were more.
    withoutItsEnd(file, cut, records - 5);
    assertThat(agent.run("--play", cut.toString()).refusedWith(FAILED).output())
        .contains("cut off after " + (records - 5) + " records", "last counts");
  }

  private void refusesOtherFiles(AgentProcess agent) throws Exception {
    Path text = folder.resolve("notes.txt");
    Files.writeString(text, "these are not the bytes of a recording");
    assertThat(agent.run("--play", text.toString()).refusedWith(FAILED).output())
        .contains(text + " is no recording");

    Path other = folder.resolve("other.avro");
    Schema schema =
        SchemaBuilder.record("Other").namespace("a.b").fields().requiredInt("n").endRecord();
    try (var out = new DataFileWriter<>(new GenericDatumWriter<GenericRecord>(schema))) {
      out.create(schema, other.toFile());
    }
    assertThat(agent.run("--play", other.toString()).refusedWith(FAILED).output())
        .contains(other + " is no recording", "a.b.Other");

    Path none = folder.resolve("none.avro");
    assertThat(agent.run("--play", none.toString()).refusedWith(FAILED).output())
        .contains(none + ": no such file");
    assertThat(
            agent
                .run(
                    "--record", folder.resolve("no/such/folder.avro").toString(), "--duration", "1")
                .refusedWith(FAILED)
                .output())
        .contains("No such file or directory");
  }

  private static void mustBeTheSame(
      List<GenericRecord> recorded, List<ConsumerRecord<String, byte[]>> played) {
    assertThat(played).hasSameSizeAs(recorded);
    for (int i = 0; i < recorded.size(); i++) {
      byte[] value = played.get(i).value();
      assertThat(ByteBuffer.wrap(value, WireFormat.HEADER, value.length - WireFormat.HEADER))
          .as("event %d", i)
          .isEqualTo(recorded.get(i).get("value"));
      assertThat(played.get(i).timestamp()).isEqualTo(recorded.get(i).get("timestamp"));
      assertThat(played.get(i).key()).isEqualTo(recorded.get(i).get("key").toString());
    }
  }

  private static void withoutItsEnd(Path file, Path to, int records) throws IOException {
    try (var in = new DataFileReader<>(file.toFile(), new GenericDatumReader<GenericRecord>());
        var out = new DataFileWriter<>(new GenericDatumWriter<GenericRecord>(in.getSchema()))) {
      in.getMetaKeys().stream()
          .filter(key -> !DataFileWriter.isReservedMeta(key))
          .forEach(key -> out.setMeta(key, in.getMeta(key)));
      out.create(in.getSchema(), to.toFile());
      for (int i = 0; i < records; i++) {
        out.append(in.next());
      }
    }
  }

  private static List<GenericRecord> records(Path file) throws IOException {
    try (var in = new DataFileReader<>(file.toFile(), new GenericDatumReader<GenericRecord>())) {
      List<GenericRecord> records = new ArrayList<>();
      in.forEach(records::add);
      return records;
    }
  }

  private static String topic(GenericRecord record) {
    return record.get("topic").toString();
  }
}
