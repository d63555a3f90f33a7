package io.bianque.streams.waiting;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.streams.waiting.Arrival.Admission;
import io.bianque.streams.waiting.WaitingRoom.Next;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.processor.api.MockProcessorContext;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import org.junit.jupiter.api.Test;

class WaitingRoomTest {
  private final KeyValueStore<Long, byte[]> store = store();

  private static KeyValueStore<Long, byte[]> store() {
    KeyValueStore<Long, byte[]> store =
        Stores.keyValueStoreBuilder(
                Stores.inMemoryKeyValueStore("waiting"), Serdes.Long(), Serdes.ByteArray())
            .withLoggingDisabled()
            .build();
    MockProcessorContext<Void, Void> context = new MockProcessorContext<>();
    store.init(context.getStateStoreContext(), store);
    return store;
  }

  private static Arrival arrival(String host, long offset) {
    return new Arrival(
        "bianque.raw.x",
        0,
        offset,
        5,
        host.getBytes(StandardCharsets.UTF_8),
        new byte[] {1, 2},
        1_000,
        Admission.ADMITTED);
  }

  @Test
  void isTheSameAfterARestart() {
    WaitingRoom room = new WaitingRoom(store);
    room.add(arrival("a", 1));
    room.add(arrival("b", 2));
    room.add(arrival("a", 3));
    WaitingRoom again = new WaitingRoom(store);
    assertThat(again.size()).isEqualTo(3);
    assertThat(again.all()).extracting(Arrival::offset).containsExactly(1L, 2L, 3L);
    assertThat(again.oldestMs()).hasValue(1_000L);
    again.add(arrival("a", 4));
    assertThat(new WaitingRoom(store).all())
        .extracting(Arrival::offset)
        .containsExactly(1L, 2L, 3L, 4L);
  }

  @Test
  void ofManyLanesThatCannotMoveSomeAreLookedAtInEachTurnAndAllInTheEnd() {
    WaitingRoom room = new WaitingRoom(store);
    for (int i = 0; i < 250; i++) {
      room.add(arrival("host-" + i, i));
    }
    List<Long> looked = new ArrayList<>();
    for (int turn = 1; turn <= 3; turn++) {
      room.visit(
          1_000,
          0,
          (arrival, must) -> {
            looked.add(arrival.offset());
            return Next.STAYS;
          });
      assertThat(looked).hasSize(turn * 100);
    }
    assertThat(looked.subList(0, 250)).doesNotHaveDuplicates();
  }

  @Test
  void anArrivalIsTheSameAfterItsBytes() {
    for (Admission admission : Admission.values()) {
      Arrival bare = new Arrival("t", 3, 9, 7, null, null, 1, admission);
      Arrival back = Arrival.fromBytes(bare.toBytes());
      assertThat(back).usingRecursiveComparison().isEqualTo(bare);
    }
    Arrival full = arrival("host", 12);
    assertThat(Arrival.fromBytes(full.toBytes())).usingRecursiveComparison().isEqualTo(full);
  }

  @Test
  void anUnadmittedOneHoldsUpAdmissionOfThoseBehindItOnly() {
    WaitingRoom room = new WaitingRoom(store);
    room.add(
        new Arrival("bianque.raw.x", 0, 1, 5, new byte[] {'a'}, new byte[0], 1, Admission.NEW));
    assertThat(room.holdsUpAdmission(arrival("a", 2))).isTrue();
    assertThat(room.holdsUpAdmission(arrival("b", 2))).isFalse();
    room.visit(10, 0, (arrival, must) -> Next.STAYS_ADMITTED);
    assertThat(room.holdsUpAdmission(arrival("a", 2))).isFalse();
    assertThat(room.holdsUp(arrival("a", 2))).isTrue();
    assertThat(new WaitingRoom(store).holdsUpAdmission(arrival("a", 2))).isFalse();
  }

  @Test
  void beforeAnArrivalItsLaneMovesUnlessItRests() {
    WaitingRoom room = new WaitingRoom(store);
    for (int i = 0; i < 5; i++) {
      room.add(arrival("a", i));
      room.add(arrival("b", i));
    }
    List<String> gone = new ArrayList<>();
    room.visitLaneOf(arrival("a", 5), 3, 1_000, (arrival, must) -> leave(arrival, true, gone));
    assertThat(gone).as("so many, and of that lane").containsExactly("a0", "a1", "a2");

    room.visitLaneOf(arrival("a", 5), 3, 1_000, (arrival, must) -> Next.STAYS);
    room.visitLaneOf(arrival("a", 5), 3, 1_049, (arrival, must) -> leave(arrival, true, gone));
    assertThat(gone).as("what stayed 49 ms ago is left alone").hasSize(3);
    room.visitLaneOf(arrival("a", 5), 3, 1_050, (arrival, must) -> leave(arrival, true, gone));
    assertThat(gone).containsExactly("a0", "a1", "a2", "a3", "a4");
    assertThat(room.holdsUp(arrival("a", 5))).isFalse();
  }

  @Test
  void whatIsPushedOutIsTheOldestOfAll() {
    WaitingRoom room = new WaitingRoom(store);
    room.add(arrival("a", 1));
    room.add(arrival("b", 2));
    List<Long> gone = new ArrayList<>();
    assertThat(
            room.pushOut((arrival, must) -> {
              assertThat(must).isTrue();
              gone.add(arrival.offset());
              return Next.GONE;
            }))
        .isTrue();
    assertThat(gone).containsExactly(1L);
    assertThat(room.pushOut((arrival, must) -> Next.STAYS)).isFalse();
    assertThat(room.size()).isEqualTo(1);
  }

  /** Whatever may leave when: each leaves once, and those of one host in their order. */
  @Property(tries = 100)
  void everyRecordLeavesOnceAndInOrderOfItsHost(
      @ForAll("hosts") List<String> hosts, @ForAll java.util.Random random) {
    KeyValueStore<Long, byte[]> own = store();
    WaitingRoom room = new WaitingRoom(own);
    List<String> gone = new ArrayList<>();
    for (int i = 0; i < hosts.size(); i++) {
      room.add(arrival(hosts.get(i), i));
      room.visit(3, i, (arrival, must) -> leave(arrival, random.nextBoolean(), gone));
    }
    room = new WaitingRoom(own);
    while (room.size() > 0) {
      room.visit(5, 0, (arrival, must) -> leave(arrival, random.nextInt(3) > 0, gone));
    }
    assertThat(gone).hasSameSizeAs(hosts).doesNotHaveDuplicates();
    for (String host : List.of("a", "b", "c")) {
      assertThat(
              gone.stream()
                  .filter(g -> g.startsWith(host))
                  .map(g -> Integer.parseInt(g.substring(1)))
                  .toList())
          .isSorted();
    }
  }

  private static Next leave(Arrival arrival, boolean may, List<String> gone) {
    if (may) {
      gone.add(new String(arrival.key(), StandardCharsets.UTF_8) + arrival.offset());
      return Next.GONE;
    }
    return Next.STAYS;
  }

  @Provide
  Arbitrary<List<String>> hosts() {
    return Arbitraries.of("a", "b", "c").list().ofMaxSize(40);
  }
}
