package io.bianque.streams.enrich;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.facts.LedgerRow;
import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a real kernel's drops become: the committed recording through the real topology. */
class RecordedEventsTest {
  private static final Recording RECORDING = Recording.ofDrops();
  private static final List<Recording.Published> EVENTS = RECORDING.events();
  private static final List<Recording.Published> HOSTS = RECORDING.of(Topics.HOSTS);
  private static final List<Recording.Published> SYMBOLS = RECORDING.of(Topics.SYMBOLS);
  private static final List<Recording.Published> COUNTERS = RECORDING.of(Topics.COUNTERS);

  /** An event's numbers, by which it is the same one on both sides. */
  private static final List<String> IDENTITY =
      List.of("host_id", "boot_id", "epoch", "cpu", "sequence");

  /** What is not interpreted, and has to leave as it came. */
  private static final List<String> UNTOUCHED =
      List.of("ktime_ns", "time", "pid", "tid", "comm", "sport", "dport", "packet_length");

  @TempDir Path state;

  @Test
  void everyEventLeavesOnceWithWhatTheKernelSaid() {
    try (Scene scene = played(RECORDING.all())) {
      Map<String, GenericRecord> enriched = byIdentity(scene.enriched());
      Map<String, GenericRecord> raw =
          byIdentity(EVENTS.stream().map(Recording.Published::value).toList());

      assertThat(raw).hasSize(EVENTS.size()).hasSizeGreaterThan(600);
      assertThat(enriched.keySet()).isEqualTo(raw.keySet());
      assertThat(scene.records(Topics.ignored("dropwatch"))).isEmpty();
      assertThat(scene.deadLetters()).isEmpty();
      enriched.forEach((identity, event) -> {
        GenericRecord origin = raw.get(identity);
        for (String field : UNTOUCHED) {
          assertThat(String.valueOf(event.get(field)))
              .as("%s of %s", field, identity)
              .isEqualTo(String.valueOf(origin.get(field)));
        }
        assertThat(event.get("drop_reason_code")).isEqualTo(origin.get("drop_reason"));
        assertThat((List<?>) event.get("kernel_stack"))
            .hasSameSizeAs((List<?>) origin.get("kernel_stack"));
        assertThat(event.get("host_name").toString()).isEqualTo("demo-host");
      });
    }
  }

  /** What this kernel's code says: where a packet of this kind is dropped for this reason. */
  @ParameterizedTest
  @CsvSource({
    "NO_SOCKET,    ipv4, udp, 150, __udp4_lib_rcv,      udp_sendmsg",
    "NO_SOCKET,    ipv6, udp, 150, __udp6_lib_rcv,      udpv6_sendmsg",
    "NO_SOCKET,    ipv4, tcp, 150, tcp_v4_rcv,          __x64_sys_connect",
    "NO_SOCKET,    ipv6, tcp, 150, tcp_v6_rcv,          __x64_sys_connect",
    "TCP_OLD_DATA, ipv4, tcp, 18,  tcp_rcv_established, tcp_v4_do_rcv",
    "QUEUE_PURGE,  ipv4, tcp, 55,  sk_stream_kill_queues, inet_csk_destroy_sock",
  })
  void aStackNamesTheFunctionsOfItsReason(
      String reason, String ether, String protocol, int events, String location, String caller) {
    try (Scene scene = played(RECORDING.all())) {
      List<GenericRecord> those =
          scene.enriched().stream()
              .filter(e -> text(e, "drop_reason").equals(reason))
              .filter(e -> text(e, "ether_type").equals(ether))
              .filter(e -> text(e, "ip_protocol").equals(protocol))
              .toList();

      assertThat(those).hasSize(events);
      assertThat(those)
          .allSatisfy(e -> {
            assertThat(function(text(e, "location"))).isEqualTo(location);
            assertThat(functions(e)).contains(location);
          });
      assertThat(those).anySatisfy(e -> assertThat(functions(e)).contains(caller));
    }
  }

  @Test
  void everyFrameHasItsName() {
    try (Scene scene = played(RECORDING.all())) {
      assertThat(scene.enriched())
          .allSatisfy(e -> {
            assertThat(missing(e)).isEmpty();
            assertThat(functions(e)).noneMatch(frame -> frame.startsWith("0x"));
          });
    }
  }

  @Test
  void theSameStacksHaveTheSameHashesAndOthersHaveOthers() {
    try (Scene scene = played(asByAnAgentOfToday())) {
      List<GenericRecord> events = scene.enriched();
      Map<Object, Set<Object>> stacks = grouped(events, "kernel_stack_hash", "kernel_stack");

      assertThat(stacks).hasSize(12).doesNotContainKey("null");
      assertThat(stacks.values()).allSatisfy(of -> assertThat(of).hasSize(1));
      assertThat(grouped(events, "kernel_stack", "kernel_stack_hash")).hasSameSizeAs(stacks);
      assertThat(grouped(events, "kernel_stack_hash", "kernel_stack_functions_hash").values())
          .allSatisfy(of -> assertThat(of).hasSize(1));
    }
  }

  /** The same drops of a host whose kernel and modules lie elsewhere. */
  @Test
  void onAnotherHostOfTheBuildTheSameStacksHaveTheSameHashes() {
    List<List<Object>> here;
    try (Scene scene = played(asByAnAgentOfToday())) {
      here = scene.enriched().stream().map(RecordedEventsTest::stackAndHashes).toList();
    }
    long by = 0x5600000;
    List<Recording.Published> moved =
        asByAnAgentOfToday().stream()
            .map(each ->
                each.topic().equals(Topics.HOSTS)
                    ? changed(each, facts -> moveTexts(facts, by))
                    : each.topic().equals(Topics.raw("dropwatch"))
                        ? changed(each, event -> moveStack(event, by))
                        : each)
            .toList();
    try (Scene scene = new Scene(state.resolve("moved"))) {
      play(scene, moved);

      assertThat(scene.enriched().stream().map(RecordedEventsTest::stackAndHashes))
          .isEqualTo(here)
          .noneMatch(each -> each.contains("null"));
    }
  }

  /** What was recorded, with the schema that says that stacks are hashed. */
  private static List<Recording.Published> asByAnAgentOfToday() {
    Catalogue catalogue = Catalogue.load();
    Schema today = catalogue.schema(catalogue.topic(Topics.raw("dropwatch")));
    return RECORDING.all().stream()
        .map(each -> each.topic().equals(Topics.raw("dropwatch")) ? written(each, today) : each)
        .toList();
  }

  private static List<Object> stackAndHashes(GenericRecord event) {
    return List.of(
        text(event, "kernel_stack"),
        text(event, "kernel_stack_hash"),
        text(event, "kernel_stack_functions_hash"));
  }

  private static Map<Object, Set<Object>> grouped(
      List<GenericRecord> events, String by, String field) {
    return events.stream()
        .collect(
            Collectors.groupingBy(
                event -> text(event, by),
                Collectors.mapping(event -> text(event, field), Collectors.toSet())));
  }

  private static void moveTexts(GenericRecord facts, long by) {
    facts.put("text_address", (Long) facts.get("text_address") + by);
    facts.put("init_text_address", (Long) facts.get("init_text_address") + by);
    for (Object module : (List<?>) facts.get("modules")) {
      GenericRecord record = (GenericRecord) module;
      record.put("base", (Long) record.get("base") + by);
    }
  }

  private static void moveStack(GenericRecord event, long by) {
    event.put(
        "kernel_stack",
        ((List<?>) event.get("kernel_stack")).stream().map(each -> (Long) each + by).toList());
    event.put("location", (Long) event.get("location") + by);
  }

  private static Recording.Published changed(
      Recording.Published of, Consumer<GenericRecord> changes) {
    GenericRecord value = of.value();
    changes.accept(value);
    return new Recording.Published(
        of.topic(), of.key(), of.time(), of.schema(), ByteBuffer.wrap(written(value)));
  }

  private static byte[] written(GenericRecord value) {
    try {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
      new GenericDatumWriter<GenericRecord>(value.getSchema(), new GenericData())
          .write(value, encoder);
      return out.toByteArray();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Two drops interrupted it. */
  @Test
  void theIdleTaskOfTheFirstCpuComesFromTheKernelsInitText() {
    try (Scene scene = played(RECORDING.all())) {
      List<GenericRecord> those =
          scene.enriched().stream().filter(e -> functions(e).contains("rest_init")).toList();

      assertThat(those)
          .hasSize(2)
          .allSatisfy(e ->
              assertThat(functions(e))
                  .endsWith(
                      "do_idle",
                      "cpu_startup_entry",
                      "rest_init",
                      "start_kernel",
                      "x86_64_start_reservations",
                      "x86_64_start_kernel",
                      "common_startup_64"));
    }
  }

  /**
   * Of a host whose agent does not tell of init text; the table may be there from a newer agent on
   * the same build.
   */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatAnOlderAgentLeavesOutStaysANumberAndTheEventSaysSo(boolean table) {
    List<Recording.Published> published =
        RECORDING.all().stream()
            .map(each -> each.topic().equals(Topics.HOSTS) ? asByAnOlderAgent(each) : each)
            .filter(each -> table || !each.key().contains("/vmlinux.init/"))
            .toList();
    List<List<String>> asByToday;
    try (Scene scene = played(RECORDING.all())) {
      asByToday = scene.enriched().stream().map(RecordedEventsTest::functions).toList();
    }
    try (Scene scene = new Scene(state.resolve("older"))) {
      play(scene, published);
      List<GenericRecord> events = scene.enriched();

      assertThat(events).hasSize(EVENTS.size());
      int numbers = 0;
      for (int i = 0; i < events.size(); i++) {
        List<String> frames = new ArrayList<>(functions(events.get(i)));
        boolean idle = frames.contains("rest_init");
        assertThat(missing(events.get(i)).toString())
            .isEqualTo(
                idle
                    ? "[symbols: an address lies in no text that the host told of; its agent leaves"
                        + " out the kernel's init text]"
                    : "[]");
        for (int frame = 0; frame < frames.size(); frame++) {
          if (frames.get(frame).startsWith("0x")) {
            numbers++;
            frames.set(frame, asByToday.get(i).get(frame));
          }
        }
        assertThat(frames).as("every other frame").isEqualTo(asByToday.get(i));
      }
      assertThat(numbers).isEqualTo(2 * 3);
    }
  }

  /** The facts with the schema that had no init text, as an older stream tier reads them, too. */
  private static Recording.Published asByAnOlderAgent(Recording.Published facts) {
    Catalogue catalogue = Catalogue.load();
    Schema older = catalogue.earlierSchemas(catalogue.topic(Topics.HOSTS)).getLast();
    assertThat(older.getField("text_address")).isNotNull();
    assertThat(older.getField("init_text_address")).isNull();
    return written(facts, older);
  }

  /** The same record with another version of its schema. */
  private static Recording.Published written(Recording.Published of, Schema schema) {
    try {
      GenericRecord read =
          new GenericDatumReader<GenericRecord>(of.schema(), schema, new GenericData())
              .read(null, DecoderFactory.get().binaryDecoder(of.bytes(), null));
      return new Recording.Published(
          of.topic(), of.key(), of.time(), schema, ByteBuffer.wrap(written(read)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void theLedgerBalancesWithTheAgentsOwnCounts() {
    try (Scene scene = played(RECORDING.all())) {
      scene.pass(Duration.ofSeconds(10));
      LedgerRow row = scene.ledger().getLast();
      assertThat(row.getAttempted()).isEqualTo(EVENTS.size());
      assertThat(row.getAcked()).isEqualTo(EVENTS.size());
      assertThat(row.getReceived()).isEqualTo(EVENTS.size());
      assertThat(row.getEnriched()).isEqualTo(EVENTS.size());
      assertThat(row.getDuplicates()).isZero();
      assertThat(row.getWaiting()).isZero();
      assertThat(row.getUnaccounted()).isZero();
    }
  }

  /** Facts, symbols in any order of their chunks, and both after the events. */
  @ParameterizedTest
  @ValueSource(strings = {"ESHC", "EHSC", "SEHC", "HESC", "CESH", "SHCE"})
  void theOrderOfArrivalDoesNotMatter(String order) {
    List<Recording.Published> chunks = new ArrayList<>(SYMBOLS);
    Collections.shuffle(chunks, new Random(order.hashCode()));
    List<Recording.Published> arrivals =
        order
            .chars()
            .mapToObj(kind ->
                switch (kind) {
                  case 'E' -> EVENTS;
                  case 'H' -> HOSTS;
                  case 'S' -> chunks;
                  default -> COUNTERS;
                })
            .flatMap(List::stream)
            .toList();

    List<String> asRecorded = enrichedBytes("as-recorded", RECORDING.all());

    assertThat(enrichedBytes(order, arrivals)).isEqualTo(asRecorded);
  }

  @Test
  void theSameInputIsTheSameOutputByteForByte() {
    List<String> first = enrichedBytes("first", RECORDING.all());
    assertThat(first).hasSize(EVENTS.size());
    assertThat(enrichedBytes("second", RECORDING.all())).isEqualTo(first);
  }

  @Test
  void whatIsPlayedTwiceIntoOneTopicLeavesOnce() {
    try (Scene scene = played(RECORDING.all())) {
      scene.play(EVENTS);
      scene.pass(Duration.ofSeconds(10));
      assertThat(scene.enriched()).hasSize(EVENTS.size());
      LedgerRow row = scene.ledger().getLast();
      assertThat(row.getEnriched()).isEqualTo(EVENTS.size());
      assertThat(row.getDuplicates()).isEqualTo(EVENTS.size());
      assertThat(row.getReceived()).isEqualTo(2L * EVENTS.size());
    }
  }

  private Scene played(List<Recording.Published> arrivals) {
    Scene scene = new Scene(state.resolve("scene"));
    play(scene, arrivals);
    return scene;
  }

  /** The recording is older than what agents tell of cgroups: some of its events are of one. */
  private static void play(Scene scene, List<Recording.Published> arrivals) {
    GenericRecord host = HOSTS.getFirst().value();
    scene.container(container -> {
      container.setHostId(host.get("host_id").toString());
      container.setBootId(host.get("boot_id").toString());
      container.setCgroupId(177);
    });
    scene.play(arrivals);
    scene.pass(Duration.ofMillis(100));
  }

  /** Keys, values and times of what leaves, in its order. */
  private List<String> enrichedBytes(String name, List<Recording.Published> arrivals) {
    try (Scene scene = new Scene(state.resolve(name))) {
      play(scene, arrivals);
      return scene.records(Topics.enriched("dropwatch")).stream()
          .map(RecordedEventsTest::written)
          .toList();
    }
  }

  private static String written(TestRecord<byte[], byte[]> record) {
    HexFormat hex = HexFormat.of();
    return record.timestamp()
        + " "
        + hex.formatHex(record.key())
        + " "
        + hex.formatHex(record.value());
  }

  private static Map<String, GenericRecord> byIdentity(Collection<GenericRecord> events) {
    return events.stream()
        .collect(
            Collectors.toMap(
                event ->
                    IDENTITY.stream()
                        .map(field -> String.valueOf(event.get(field)))
                        .collect(Collectors.joining("/")),
                event -> event,
                (one, other) -> {
                  throw new AssertionError("twice: " + one);
                },
                TreeMap::new));
  }

  private static String text(GenericRecord event, String field) {
    return String.valueOf(event.get(field));
  }

  private static List<String> functions(GenericRecord event) {
    return ((List<?>) event.get("kernel_stack"))
        .stream().map(frame -> function(frame.toString())).toList();
  }

  private static List<?> missing(GenericRecord event) {
    return (List<?>) event.get("missing");
  }

  private static String function(String frame) {
    return Stream.of(frame.split("\\+0x", 2)).findFirst().orElseThrow();
  }
}
