package io.bianque.streams.enrich;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.facts.DeadLetter;
import io.bianque.facts.HostFacts;
import io.bianque.facts.SymbolRequest;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.streams.metrics.Prometheus;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What hosts and topics should not be like, and are. Records that cannot be read: IntakeTest. */
class BadInputTest {
  private static final long NOW = 1_700_000_100_000_000_000L;
  private static final long HOUR = 3_600_000_000_000L;
  private static final String OTHER_BOOT = "b007-2";

  @TempDir Path state;
  private Scene scene;

  @BeforeEach
  void open() {
    scene = new Scene(state);
  }

  @AfterEach
  void close() {
    scene.close();
  }

  private void knownHost() {
    scene.facts();
    scene.kernelSymbols();
    scene.moduleSymbols();
  }

  private static Consumer<GenericRecord> at(long time) {
    return event -> event.put("time", time);
  }

  private String metrics() {
    Prometheus out = new Prometheus();
    scene.metrics.write(out, NOW / 1_000_000);
    return out.toString();
  }

  /** A century off, before 1970, and the ends of what a long holds. */
  @ParameterizedTest
  @ValueSource(longs = {NOW + 876_000 * HOUR, -HOUR, 0, Long.MAX_VALUE, Long.MIN_VALUE})
  void anEventOfAnyTimeKeepsItAndHoldsNothingUp(long time) {
    knownHost();
    scene.drop(at(NOW));
    scene.drop(at(time));
    scene.drop(at(NOW + 1));

    List<GenericRecord> events = scene.enriched();
    assertThat(events).extracting(event -> event.get("time")).containsExactly(NOW, time, NOW + 1);
    assertThat(events)
        .allSatisfy(event -> {
          assertThat(event.get("host_name")).isEqualTo("web-1");
          assertThat(event.get("missing")).isEqualTo(List.of());
        });
  }

  @Test
  void aRecordWithoutATimeIsOfWhenItCame() {
    ConsumerRecord<Object, Object> record = new ConsumerRecord<>(Scene.RAW, 0, 0, null, null);
    assertThat(record.timestamp()).isNegative();

    assertThat(EnrichTopology.TIME.extract(record, 0)).isZero();
    knownHost();
    scene.send(Scene.RAW, Scene.HOST, scene.event(event -> {}), 0);
    assertThat(scene.records(Topics.enriched("dropwatch")))
        .singleElement()
        .satisfies(each -> assertThat(each.timestamp()).isEqualTo(NOW / 1_000_000));
  }

  @Test
  void aClockThatIsSetBackTakesNoEventOutOfOrder() {
    knownHost();
    for (long time : new long[] {NOW, NOW + 1, NOW - HOUR, NOW - HOUR + 1, NOW + 2}) {
      scene.drop(at(time));
    }

    List<GenericRecord> events = scene.enriched();
    assertThat(events)
        .extracting(event -> event.get("sequence"))
        .containsExactly(1L, 2L, 3L, 4L, 5L);
    assertThat(events).allMatch(event -> event.get("host_name").equals("web-1"));
    assertThat(events).allMatch(event -> event.get("container_id") == null);
    assertThat(events).allMatch(event -> event.get("missing").equals(List.of()));
  }

  private static Consumer<HostFacts> told(String boot, String name, long second) {
    return facts -> {
      facts.setBootId(boot);
      facts.setHostName(name);
      facts.setObservedAt(Instant.ofEpochSecond(1_700_000_000 + second));
    };
  }

  @Test
  void twoHostsWithOneIdAreToldApartByTheirBoots() {
    knownHost();
    scene.facts(told(OTHER_BOOT, "clone", 10));
    for (int i = 1; i <= 3; i++) {
      long sequence = i;
      scene.drop(event -> event.put("sequence", sequence));
      scene.drop(event -> {
        event.put("sequence", sequence);
        event.put("boot_id", OTHER_BOOT);
      });
    }

    assertThat(scene.enriched())
        .extracting(event -> event.get("host_name"))
        .containsExactly("web-1", "clone", "web-1", "clone", "web-1", "clone");
  }

  @Test
  void thatTwoHostsHaveOneIdIsCounted() {
    scene.facts(told(Scene.BOOT, "web-1", 0));
    scene.facts(told(OTHER_BOOT, "clone", 10));
    assertThat(metrics()).as("it may have booted").contains("host_id_shared_total 0");
    scene.facts(told(Scene.BOOT, "web-1", 5));
    assertThat(metrics()).as("it told so before").contains("host_id_shared_total 0");
    scene.facts(told(Scene.BOOT, "web-1", 20));
    assertThat(metrics()).contains("host_id_shared_total 1");
    scene.facts(told(Scene.BOOT, "web-1", 30));
    assertThat(metrics()).as("known").contains("host_id_shared_total 1");
    scene.facts(told(OTHER_BOOT, "clone", 40));
    assertThat(metrics()).contains("host_id_shared_total 2");
  }

  @Test
  void aChunkOfSymbolsThatCannotBeReadIsAskedForAgain() {
    scene.facts();
    scene.moduleSymbols();
    scene.kernelSymbols();
    byte[] chunk = scene.lastChunk();
    String key = Scene.KERNEL_ID + "/vmlinux/0";
    scene.send(Topics.SYMBOLS, key, Arrays.copyOf(chunk, chunk.length - 3));
    scene.drop();

    assertThat(asked()).contains(Scene.KERNEL_ID + "/vmlinux of " + Scene.HOST);
    assertThat(scene.enriched()).as("waits for the answer").isEmpty();
    scene.send(Topics.SYMBOLS, key, chunk);
    scene.pass(Duration.ofSeconds(1));
    assertThat(scene.enriched())
        .singleElement()
        .satisfies(event -> {
          assertThat(event.get("missing")).isEqualTo(List.of());
          assertThat(((List<?>) event.get("kernel_stack")).getFirst()).isEqualTo("kfree_skb+0x10");
        });
  }

  @Test
  void withoutThatChunkEventsGoOnAndSayWhy() {
    scene.facts();
    scene.moduleSymbols();
    scene.kernelSymbols();
    scene.send(Topics.SYMBOLS, Scene.KERNEL_ID + "/vmlinux/1", new byte[] {0, 0, 0});
    scene.drop();
    scene.pass(Duration.ofSeconds(31));

    assertThat(scene.enriched())
        .singleElement()
        .satisfies(event -> {
          assertThat(event.get("missing").toString())
              .contains("symbols: vmlinux " + Scene.KERNEL_ID + ": chunk 1 of its table cannot be");
          assertThat((List<?>) event.get("kernel_stack"))
              .hasToString(
                  "["
                      + Scene.KERNEL_ID
                      + "+0x1010, "
                      + Scene.KERNEL_ID
                      + "+0x2040, "
                      + "veth_xmit+0x20 [veth]]");
        });
    assertThat(scene.deadLetters()).isEmpty();
  }

  @Test
  void withoutAnyFactsEventsGoOnAndSayWhy() {
    scene.drop();
    scene.drop();
    scene.pass(Duration.ofSeconds(31));
    scene.drop();

    List<GenericRecord> events = scene.enriched();
    assertThat(events).extracting(event -> event.get("sequence")).containsExactly(1L, 2L, 3L);
    assertThat(events)
        .allSatisfy(event ->
            assertThat(event.get("missing"))
                .isEqualTo(List.of("host facts: none of boot b007-1 have come")));
    assertThat(scene.deadLetters()).extracting(DeadLetter::getReason).isEmpty();
  }

  private List<String> asked() {
    AvroReader<SymbolRequest> reader = AvroReader.specific(scene.registry, SymbolRequest.class);
    return scene.records(Topics.SYMBOL_REQUESTS).stream()
        .map(TestRecord::value)
        .filter(Objects::nonNull)
        .map(reader::read)
        .map(each -> each.getBuildId() + "/" + each.getObject() + " of " + each.getHostId())
        .toList();
  }
}
