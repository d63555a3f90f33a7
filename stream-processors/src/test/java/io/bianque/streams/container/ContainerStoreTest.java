package io.bianque.streams.container;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.facts.Container;
import io.bianque.schemas.raw.CgroupId;
import io.bianque.streams.container.ContainerStore.Answer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.function.Consumer;
import org.apache.avro.message.BinaryMessageDecoder;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.processor.api.MockProcessorContext;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ContainerStoreTest {
  private static final CgroupId UNIFIED = new CgroupId(List.of("unified"));
  private static final CgroupId MEMORY = new CgroupId(List.of("memory"));
  private static final CgroupId OF_SOCKET = new CgroupId(List.of("unified", "memory"));
  private static final Instant NOW = Instant.ofEpochSecond(1_700_000_000);
  private static final long AT = nanos(NOW);
  private static final BinaryMessageDecoder<Container> DECODER = Container.getDecoder();

  private final KeyValueStore<String, byte[]> kept = kept();
  private ContainerStore store;

  private static long nanos(Instant time) {
    return time.getEpochSecond() * 1_000_000_000;
  }

  private static KeyValueStore<String, byte[]> kept() {
    KeyValueStore<String, byte[]> store =
        Stores.keyValueStoreBuilder(
                Stores.inMemoryKeyValueStore("containers"), Serdes.String(), Serdes.ByteArray())
            .withLoggingDisabled()
            .build();
    MockProcessorContext<Void, Void> context = new MockProcessorContext<>();
    store.init(context.getStateStoreContext(), store);
    return store;
  }

  @BeforeEach
  void open() {
    store = new ContainerStore(kept, ContainerStoreTest::decode);
  }

  private static Container decode(byte[] bytes) {
    try {
      return DECODER.decode(bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void put(String hierarchy, long id, String name, Consumer<Container> changes) {
    Container container =
        Container.newBuilder()
            .setHostId("host")
            .setBootId("boot")
            .setHierarchy(hierarchy)
            .setCgroupId(id)
            .setControllers(List.of(hierarchy))
            .setPath("/" + name)
            .setObservedAt(NOW)
            .setStartedAt(NOW)
            .setContainerName(name)
            .build();
    changes.accept(container);
    try {
      store.put(container, container.toByteBuffer().array());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void put(String hierarchy, long id, String name) {
    put(hierarchy, id, name, container -> {});
  }

  private String name(CgroupId meaning, long id) {
    return name(meaning, id, NOW);
  }

  private String name(CgroupId meaning, long id, Instant at) {
    return store.find("host", "boot", meaning, id, nanos(at))
            instanceof Answer.Known(Container found)
        ? found.getContainerName()
        : null;
  }

  @Test
  void eachHierarchyCountsByItself() {
    put("unified", 57, "in-unified");
    put("memory", 57, "in-memory");

    assertThat(name(UNIFIED, 57)).isEqualTo("in-unified");
    assertThat(name(MEMORY, 57)).isEqualTo("in-memory");
  }

  @Test
  void aControllerWithoutAHierarchyOfItsOwnIsInTheUnifiedOne() {
    put("unified", 57, "web", each -> each.setControllers(List.of("unified", "memory")));

    assertThat(name(MEMORY, 57)).isEqualTo("web");
  }

  @Test
  void aControllerWithOneIsNeverLookedForInTheUnifiedOne() {
    put("unified", 57, "web");
    put("memory", 90, "db");

    assertThat(store.find("host", "boot", MEMORY, 57, AT)).isInstanceOf(Answer.Never.class);
  }

  @Test
  void alsoWhenTheHostHasToldOfNoCgroupOfThatOneYet() {
    put("unified", 57, "web");

    assertThat(store.find("host", "boot", MEMORY, 57, AT)).isInstanceOf(Answer.NotYet.class);
  }

  @Test
  void aSocketsIsInTheUnifiedOneIfItIsThereElseByMemory() {
    put("unified", 57, "web");
    put("memory", 91, "db");

    assertThat(name(OF_SOCKET, 57)).isEqualTo("web");
    assertThat(name(OF_SOCKET, 91)).isEqualTo("db");
  }

  @Test
  void aCgroupNewerThanAllThatIsKnownMayStillBeToldOfAndAnOlderOneNot() {
    put("unified", 57, "web");

    assertThat(store.find("host", "boot", UNIFIED, 58, AT)).isInstanceOf(Answer.NotYet.class);
    assertThat(store.find("host", "boot", UNIFIED, 56, AT)).isInstanceOf(Answer.Never.class);
    assertThat(
            new ContainerStore(kept, ContainerStoreTest::decode)
                .find("host", "boot", UNIFIED, 58, AT))
        .as("after a restart")
        .isInstanceOf(Answer.NotYet.class);
  }

  @Test
  void idsAreUnsigned() {
    put("unified", 57, "web");
    put("unified", -2, "far");

    assertThat(name(UNIFIED, -2)).isEqualTo("far");
    ContainerStore again = new ContainerStore(kept, ContainerStoreTest::decode);
    assertThat(again.find("host", "boot", UNIFIED, 99, AT)).isInstanceOf(Answer.Never.class);
    assertThat(again.find("host", "boot", UNIFIED, -1, AT)).isInstanceOf(Answer.NotYet.class);
  }

  @Test
  void theRootAndNoneAreNothing() {
    assertThat(store.find("host", "boot", UNIFIED, 0, AT)).isInstanceOf(Answer.Nothing.class);
    assertThat(store.find("host", "boot", MEMORY, 1, AT)).isInstanceOf(Answer.Nothing.class);
  }

  @Test
  void aHostThatToldOfNoneInThisBootIsSilent() {
    put("unified", 57, "web");

    assertThat(store.find("host", "other-boot", UNIFIED, 57, AT))
        .isEqualTo(new Answer.HostIsSilent("host/other-boot"));
    assertThat(store.find("other", "boot", UNIFIED, 57, AT))
        .isInstanceOf(Answer.HostIsSilent.class);
  }

  @Test
  void anOlderRecordDoesNotReplaceANewerOne() {
    put("unified", 57, "newer", each -> each.setObservedAt(NOW.plusSeconds(2)));
    put("unified", 57, "older");

    assertThat(name(UNIFIED, 57)).isEqualTo("newer");
  }

  @Test
  void anEventIsGivenWhatWasSoAtItsOwnTime() {
    put("unified", 57, "blue");
    put("unified", 57, "blue", each -> each.setObservedAt(NOW.plusSeconds(50)));
    put("unified", 57, "green", each -> each.setObservedAt(NOW.plusSeconds(60)));
    put("unified", 57, "red", each -> each.setObservedAt(NOW.plusSeconds(90)));

    assertThat(name(UNIFIED, 57, NOW.minusSeconds(10)))
        .as("before anybody looked")
        .isEqualTo("blue");
    assertThat(name(UNIFIED, 57, NOW.plusSeconds(59))).isEqualTo("blue");
    assertThat(name(UNIFIED, 57, NOW.plusSeconds(60))).isEqualTo("green");
    assertThat(name(UNIFIED, 57, NOW.plusSeconds(89))).isEqualTo("green");
    assertThat(name(UNIFIED, 57, NOW.plusSeconds(90))).isEqualTo("red");
    store = new ContainerStore(kept, ContainerStoreTest::decode);
    assertThat(name(UNIFIED, 57, NOW.plusSeconds(59))).as("after a restart").isEqualTo("blue");
  }

  @Test
  void whatIsFoundOutLaterWasSoBefore() {
    put("unified", 57, "web", each -> each.setContainerName(null));
    put("unified", 57, "web", each -> each.setObservedAt(NOW.plusSeconds(2)));

    assertThat(name(UNIFIED, 57, NOW)).isEqualTo("web");
    assertThat(kept.approximateNumEntries()).isEqualTo(1);
  }

  @Test
  void whatNoLongerHoldsIsForgottenAsLongAfterItsEnd() {
    put("unified", 57, "blue");
    put("unified", 57, "green", each -> each.setObservedAt(NOW.plus(Duration.ofDays(3))));

    store.forget(Duration.ofDays(8), NOW.plus(Duration.ofDays(7)));
    assertThat(name(UNIFIED, 57)).isEqualTo("blue");
    store.forget(Duration.ofDays(8), NOW.plus(Duration.ofDays(9)));

    assertThat(name(UNIFIED, 57)).isEqualTo("green");
    assertThat(kept.approximateNumEntries()).isEqualTo(1);
  }

  @Test
  void whatWasLastToldOfLongAgoIsForgotten() {
    put("unified", 57, "old");
    put("unified", 58, "new", each -> each.setObservedAt(NOW.plus(Duration.ofDays(9))));

    store.forget(Duration.ofDays(8), NOW.plus(Duration.ofDays(9)));

    assertThat(name(UNIFIED, 57)).isNull();
    assertThat(name(UNIFIED, 58)).isEqualTo("new");
    assertThat(kept.approximateNumEntries()).isEqualTo(1);
  }
}
