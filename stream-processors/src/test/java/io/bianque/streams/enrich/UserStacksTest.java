package io.bianque.streams.enrich;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.facts.SymbolRequest;
import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.derive.EnrichedSchema;
import io.bianque.schemas.raw.UserFrames;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.schemas.wire.AvroWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Frames in files of user space: samples of perf. */
class UserStacksTest {
  private static final String PROGRAM = "aa".repeat(20);
  private static final String LIBRARY = "bb".repeat(8) + "00".repeat(12);

  @TempDir Path state;
  private Scene scene;
  private Schema perf;
  private int schemaId;
  private long nextSequence = 1;

  @BeforeEach
  void open() {
    scene = new Scene(state);
    Catalogue catalogue = Catalogue.load();
    perf = catalogue.schema(catalogue.topic(Topics.raw("perf")));
    schemaId = scene.registry.register(Topics.raw("perf"), perf);
    scene.registry.register(Topics.enriched("perf"), EnrichedSchema.of(perf));
    scene.facts();
    scene.kernelSymbols();
  }

  @AfterEach
  void close() {
    scene.close();
  }

  /** A frame in a file. */
  private GenericRecord frame(String buildId, long offset) {
    Schema type = perf.getField("user_frames").schema().getElementType();
    GenericRecord frame = new GenericData.Record(type);
    Schema id = type.getField("build_id").schema().getTypes().getLast();
    frame.put(
        "build_id",
        buildId == null ? null : new GenericData.Fixed(id, HexFormat.of().parseHex(buildId)));
    frame.put("offset", offset);
    return frame;
  }

  /** A frame in code that its process has made. */
  private GenericRecord named(long address, String symbol) {
    GenericRecord frame = frame(null, address);
    frame.put("symbol", symbol);
    return frame;
  }

  private void sample(GenericRecord... frames) {
    GenericRecord event = new GenericData.Record(perf);
    fill(event);
    event.put("user_frames", List.of(frames));
    scene.send(Topics.raw("perf"), Scene.HOST, AvroWriter.generic(schemaId, perf).write(event));
  }

  private void fill(GenericRecord event) {
    event.put("host_id", Scene.HOST);
    event.put("boot_id", Scene.BOOT);
    event.put("epoch", Scene.EPOCH);
    event.put("cpu", 0);
    event.put("sequence", nextSequence++);
    event.put("ktime_ns", 5_000_000_000L);
    event.put("time", 1_700_000_100_000_000_000L);
    event.put("pid", 4711);
    event.put("tid", 4712);
    event.put("comm", "burn");
    event.put("cgroup_id", Scene.CGROUP);
    event.put("kernel_stack", List.of(Scene.TEXT + 0x1010));
  }

  private void programSymbols() {
    scene.userSymbols(
        PROGRAM, "burn", Map.of(0x1000L, "leaf", 0x1040L, "", 0x1080L, "main", 0x10c0L, ""));
  }

  private void librarySymbols() {
    scene.userSymbols(LIBRARY, "libc.so.6", Map.of(0x2000L, "qsort", 0x2100L, ""));
  }

  private GenericRecord enriched() {
    List<GenericRecord> events = scene.read(Topics.enriched("perf"));
    assertThat(events).hasSize(1);
    return events.getFirst();
  }

  @Test
  void eachFrameHasItsFunctionAndItsFile() {
    programSymbols();
    librarySymbols();
    sample(frame(PROGRAM, 0x1004), frame(LIBRARY, 0x2020), frame(PROGRAM, 0x1090));

    GenericRecord event = enriched();

    assertThat(event.get("user_stack"))
        .isEqualTo(List.of("leaf+0x4 [burn]", "qsort+0x20 [libc.so.6]", "main+0x10 [burn]"));
    assertThat(event.get("missing")).isEqualTo(List.of());
  }

  /** Behind a last call that never returns another function may begin, or none. */
  @Test
  void whereACallReturnsToIsLookedUpOneByteBefore() {
    programSymbols();
    sample(frame(PROGRAM, 0x1000), frame(PROGRAM, 0x1040), frame(PROGRAM, 0x10c0));

    assertThat(enriched().get("user_stack"))
        .isEqualTo(List.of("leaf+0x0 [burn]", "leaf+0x40 [burn]", "main+0x40 [burn]"));
  }

  @Test
  void betweenFunctionsThereIsNoName() {
    programSymbols();
    sample(frame(PROGRAM, 0x1040), frame(PROGRAM, 0x2000));

    GenericRecord event = enriched();

    assertThat(event.get("user_stack"))
        .isEqualTo(List.of(PROGRAM + "+0x1040 [burn]", PROGRAM + "+0x2000 [burn]"));
    assertThat(event.get("missing"))
        .isEqualTo(List.of("symbols: no function of burn " + PROGRAM + " is known at an offset"));
  }

  @Test
  void aFileWithoutSymbolsIsSaidToHaveNoneAndNobodyIsAskedAgain() {
    scene.userSymbols(PROGRAM, "stripped", Map.of());
    sample(frame(PROGRAM, 0x1004));

    assertThat(enriched().get("user_stack")).isEqualTo(List.of(PROGRAM + "+0x1004 [stripped]"));
    assertThat(asked()).isEmpty();
  }

  @Test
  void aTableThatNobodyHasPublishedIsAskedOfTheHostAndWaitedFor() {
    programSymbols();
    sample(frame(PROGRAM, 0x1004), frame(LIBRARY, 0x2020));

    assertThat(asked()).containsExactly(LIBRARY + "/user of " + Scene.HOST);
    assertThat(scene.read(Topics.enriched("perf"))).isEmpty();
    librarySymbols();
    scene.pass(Duration.ofSeconds(1));

    assertThat(enriched().get("user_stack"))
        .isEqualTo(List.of("leaf+0x4 [burn]", "qsort+0x20 [libc.so.6]"));
  }

  @Test
  void aTableThatDoesNotComeLeavesBuildIdAndOffset() {
    sample(frame(LIBRARY, 0x2020));
    scene.pass(Duration.ofSeconds(31));

    GenericRecord event = enriched();

    assertThat(event.get("user_stack")).isEqualTo(List.of(LIBRARY + "+0x2020"));
    assertThat(event.get("missing"))
        .isEqualTo(List.of("symbols: user " + LIBRARY + ": no host has published its table"));
  }

  /** Who starts a program again and again, each with another build id, must leave nothing. */
  @Test
  void aRequestThatNobodyCanAnswerEndsWithTime() {
    sample(frame(LIBRARY, 0x2020));
    assertThat(asked()).containsExactly(LIBRARY + "/user of " + Scene.HOST);
    scene.pass(Duration.ofSeconds(31));
    assertThat(enriched().get("user_stack")).isEqualTo(List.of(LIBRARY + "+0x2020"));
    scene.pass(Duration.ofMinutes(9));
    assertThat(asked()).isEmpty();
    scene.pass(Duration.ofMinutes(2));

    assertThat(asked()).containsExactly("withdrawn");
  }

  /** Without an offset, which means nothing in another process; whatever the name looks like. */
  @Test
  void whatIsInNoFileHasTheNameThatTheAgentFound() {
    sample(
        named(0x7f0011223344L, "void Burn.leaf()"),
        named(0x7f0011220000L, "main+0x10 [burn]"),
        frame(null, 0x7f0011000000L));
    scene.pass(Duration.ofSeconds(1));

    GenericRecord event = enriched();

    assertThat(event.get("user_stack"))
        .isEqualTo(List.of("void Burn.leaf() [jit]", "main+0x10 [burn] [jit]", "0x7f0011000000"));
    assertThat((List<?>) event.get("missing")).hasSize(1);
  }

  /** What agents sent before frames had symbols. */
  @Test
  void framesOfEarlierAgentsHaveNoSymbol() {
    perf =
        earlier(schema ->
            schema.getField("user_frames") != null
                && !UserFrames.areNamed(schema.getField("user_frames").schema()));
    schemaId = register(perf);
    programSymbols();
    sample(frame(PROGRAM, 0x1004), frame(null, 0x7f0011223344L));
    scene.pass(Duration.ofSeconds(1));

    assertThat(enriched().get("user_stack"))
        .isEqualTo(List.of("leaf+0x4 [burn]", "0x7f0011223344"));
  }

  @Test
  void whatIsInNoFileStaysAnAddress() {
    sample(frame(null, 0x7f0011223344L), frame(PROGRAM, -0x5619e4200000L));
    scene.pass(Duration.ofSeconds(1));

    GenericRecord event = enriched();

    assertThat(event.get("user_stack")).isEqualTo(List.of("0x7f0011223344", "[unmapped]"));
    assertThat((List<?>) event.get("missing")).hasSize(2);
    assertThat(asked()).isEmpty();
  }

  /** What agents sent before frames had build ids. */
  @Test
  void addressesOfEarlierAgentsStayAddresses() {
    Schema earlier = earlier(schema -> schema.getField("user_stack") != null);
    int id = register(earlier);
    GenericRecord event = new GenericData.Record(earlier);
    fill(event);
    event.put("user_stack", List.of(0x55d0c0001234L));
    scene.send(Topics.raw("perf"), Scene.HOST, AvroWriter.generic(id, earlier).write(event));

    assertThat(enriched().get("user_stack")).isEqualTo(List.of("0x55d0c0001234"));
  }

  /** The newest that is so. */
  private static Schema earlier(Predicate<Schema> wanted) {
    Catalogue catalogue = Catalogue.load();
    return catalogue.earlierSchemas(catalogue.topic(Topics.raw("perf"))).reversed().stream()
        .filter(wanted)
        .findFirst()
        .orElseThrow();
  }

  private int register(Schema schema) {
    scene.registry.register(Topics.enriched("perf"), EnrichedSchema.of(schema));
    return scene.registry.register(Topics.raw("perf"), schema);
  }

  /** Of the newest records. */
  private List<String> asked() {
    AvroReader<SymbolRequest> reader = AvroReader.specific(scene.registry, SymbolRequest.class);
    return scene.records(Topics.SYMBOL_REQUESTS).stream()
        .map(TestRecord::value)
        .flatMap(value ->
            value == null
                ? Stream.of("withdrawn")
                : Stream.of(reader.read(value))
                    .map(each ->
                        each.getBuildId() + "/" + each.getObject() + " of " + each.getHostId()))
        .toList();
  }
}
