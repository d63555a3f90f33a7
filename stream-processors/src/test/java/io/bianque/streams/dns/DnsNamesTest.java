package io.bianque.streams.dns;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.facts.ResolvedName;
import io.bianque.schemas.wire.AvroReader;
import io.bianque.schemas.wire.AvroWriter;
import io.bianque.streams.dns.ReverseNames.Answer;
import io.bianque.streams.dns.ReverseNames.Found;
import io.bianque.streams.names.IpAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.From;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.processor.api.MockProcessorContext;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import org.junit.jupiter.api.Test;

class DnsNamesTest {
  private static final int PARTITION = 3;
  private static final long SECOND = 1_000_000_000;

  /** The time by this machine's clock, in s. */
  private static final long NOW = 1_700_000_000;

  private static final IpAddress A = IpAddress.of(new byte[] {10, 0, 0, 1});
  private static final IpAddress B = IpAddress.of(new byte[] {10, 0, 0, 2});

  private final Map<IpAddress, Answer> dns = new HashMap<>();
  private final KeyValueStore<String, byte[]> store = store();
  private final Map<String, byte[]> topic = new LinkedHashMap<>();
  private DnsNames names = process();

  private static KeyValueStore<String, byte[]> store() {
    KeyValueStore<String, byte[]> store =
        Stores.keyValueStoreBuilder(
                Stores.inMemoryKeyValueStore("names"), Serdes.String(), Serdes.ByteArray())
            .withLoggingDisabled()
            .build();
    store.init(new MockProcessorContext<>().getStateStoreContext(), store);
    return store;
  }

  private static AvroReader<ResolvedName> reader() {
    return AvroReader.specific(id -> ResolvedName.getClassSchema(), ResolvedName.class);
  }

  /** A process that takes the task on, with what the last one left in the store. */
  private DnsNames process() {
    return new DnsNames(
        address -> {
          Answer answer = dns.getOrDefault(address, new Answer.Nameless());
          Instant now = Instant.ofEpochSecond(NOW);
          return answer instanceof Answer.Pending
              ? new Found(answer)
              : new Found(answer, now, now.plusSeconds(60));
        },
        store,
        reader()::read,
        AvroWriter.specific(1, ResolvedName.class)::write,
        (key, record, time) -> topic.put(key, record),
        PARTITION);
  }

  private Answer event(double second, IpAddress address) {
    Names.OfEvent event = names.ofEvent(nanos(second), NOW * 1_000);
    Answer answer = event.name(address);
    event.leaves();
    return answer;
  }

  private static long nanos(double second) {
    return (NOW - 1_000) * SECOND + (long) (second * SECOND);
  }

  private Answer recorded(double second, IpAddress address) {
    KeyValueStore<String, byte[]> copy = store();
    topic.forEach(copy::put);
    NameHistory history =
        new NameHistory(
            copy,
            reader()::read,
            () -> {
              throw new AssertionError("unreadable");
            });
    return new RecordedNames(history, PARTITION).ofEvent(nanos(second), 0).name(address);
  }

  private static Answer known(String name) {
    return new Answer.Known(name);
  }

  @Test
  void onlyChangesAreRecorded() {
    dns.put(A, known("one"));
    for (int second = 1; second < 100; second++) {
      event(second, A);
    }
    dns.put(A, known("two"));
    event(100, A);
    event(101, A);

    assertThat(topic.keySet())
        .containsExactly("10.0.0.1/3/1699999001000000000", "10.0.0.1/3/1699999100000000000");
    ResolvedName record = reader().read(topic.get("10.0.0.1/3/1699999100000000000"));
    assertThat(record.getName()).isEqualTo("two");
    assertThat(record.getResolvedAt()).isEqualTo(Instant.ofEpochSecond(NOW));
    assertThat(record.getValidUntil()).isEqualTo(Instant.ofEpochSecond(NOW + 60));
  }

  @Test
  void anEventThatComesLateGetsTheNameOfItsOwnTime() {
    dns.put(A, known("one"));
    event(1, A);
    event(50, A);
    dns.put(A, known("two"));
    event(60, A);

    assertThat(event(40, A)).isEqualTo(known("one"));
    assertThat(event(55, A)).as("one was the last known then").isEqualTo(known("one"));
    assertThat(event(61, A)).isEqualTo(known("two"));
    assertThat(topic).hasSize(2);
  }

  @Test
  void anEventBeforeAllOthersGetsWhatDnsSaysAndThatIsRecordedToo() {
    dns.put(A, known("one"));
    event(50, A);
    dns.put(A, known("two"));

    assertThat(event(40, A)).isEqualTo(known("two"));
    assertThat(event(45, A)).isEqualTo(known("two"));
    assertThat(event(50, A)).isEqualTo(known("one"));
    assertThat(recorded(40, A)).isEqualTo(known("two"));
    assertThat(recorded(50, A)).isEqualTo(known("one"));
  }

  @Test
  void thatThereWasNoAnswerIsRecordedToo() {
    dns.put(A, new Answer.Pending());
    event(1, A);
    dns.put(A, new Answer.Unavailable("the DNS servers do not answer"));
    event(2, A);
    dns.put(A, new Answer.Nameless());
    event(3, A);

    assertThat(recorded(1, A)).isEqualTo(new Answer.Unanswered());
    assertThat(recorded(2, A)).isEqualTo(new Answer.Unavailable("the DNS servers do not answer"));
    assertThat(recorded(3, A)).isEqualTo(new Answer.Nameless());
    assertThat(recorded(0.5, A))
        .isEqualTo(new Answer.Unavailable("no name of it is recorded for that time"));
    assertThat(recorded(3, B))
        .isEqualTo(new Answer.Unavailable("no name of it is recorded for that time"));
  }

  @Test
  void anAddressThatIsInAnEventTwiceHasOneName() {
    dns.put(A, new Answer.Pending());
    Names.OfEvent event = names.ofEvent(nanos(1), NOW * 1_000);
    event.name(A);
    dns.put(A, known("one"));

    assertThat(event.name(A)).isEqualTo(new Answer.Pending());
  }

  @Test
  void anEventThatDoesNotLeaveRecordsNothing() {
    dns.put(A, known("one"));
    names.ofEvent(nanos(1), NOW * 1_000).name(A);

    assertThat(topic).isEmpty();
  }

  @Test
  void addressesThatNobodyIsAskedForAreNotRecordedAndAreNamelessAgain() {
    IpAddress multicast = IpAddress.of(new byte[] {(byte) 224, 0, 0, 1});
    try (LoopbackDns server = new LoopbackDns()) {
      ReverseNames real =
          new ReverseNames(
              new ReverseNames.Settings(
                  List.of(server.address()), Duration.ofSeconds(1), 10, 1, 1, 1, Duration.ZERO));
      DnsNames own =
          new DnsNames(
              real::lookup,
              store,
              reader()::read,
              AvroWriter.specific(1, ResolvedName.class)::write,
              (key, record, time) -> topic.put(key, record),
              PARTITION);
      Names.OfEvent event = own.ofEvent(nanos(1), NOW * 1_000);
      assertThat(event.name(multicast)).isEqualTo(new Answer.Nameless());
      event.leaves();
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }

    assertThat(topic).isEmpty();
    assertThat(recorded(1, multicast)).isEqualTo(new Answer.Nameless());
  }

  @Test
  void aHostWhoseClockIsAheadDoesNotHoldNamesBack() {
    dns.put(A, known("one"));
    event(1, A);
    assertThat(event(1_000_000, A)).isEqualTo(known("one"));
    dns.put(A, known("two"));

    assertThat(event(2, A)).isEqualTo(known("two"));
    assertThat(topic).hasSize(2);
  }

  @Test
  void anotherProcessGoesOnWhereTheLastOneEnded() {
    dns.put(A, known("one"));
    event(1, A);
    event(50, A);
    dns.put(A, known("two"));
    names = process();

    assertThat(event(40, A)).as("it may have been given before").isEqualTo(known("one"));
    assertThat(event(52, A)).isEqualTo(known("two"));
    assertThat(event(53, A)).isEqualTo(known("two"));
    assertThat(topic).hasSize(2);
  }

  @Test
  void whatEndedLongAgoIsForgottenInTheStoreAndNotInTheTopic() {
    dns.put(A, known("one"));
    dns.put(B, known("b"));
    event(1, A);
    event(1, B);
    dns.put(A, known("two"));
    event(100, A);
    names = process();
    event(200, A);

    names.forget(nanos(150));

    List<String> kept = new ArrayList<>();
    store.all().forEachRemaining(entry -> kept.add(entry.key));
    assertThat(kept).containsExactly("10.0.0.1/3/1699999100000000000", "given-until");
    assertThat(topic).hasSize(3);
  }

  /**
   * An event, and what DNS says by then.
   *
   * @param restart another process has taken on
   */
  record Step(int second, IpAddress address, Answer answer, boolean restart) {}

  @Provide
  Arbitrary<Step> steps() {
    return Combinators.combine(
            Arbitraries.integers().between(0, 40),
            Arbitraries.of(A, B),
            Arbitraries.of(
                known("one"),
                known("two"),
                new Answer.Nameless(),
                new Answer.Pending(),
                new Answer.Unavailable("why")),
            Arbitraries.of(false, false, false, true))
        .as(Step::new);
  }

  @Property(tries = 300)
  void whateverComesInWhateverOrderTheRecordGivesEachEventWhatItWasGiven(
      @ForAll List<@From("steps") Step> steps) {
    // jqwik makes one instance of this class for all tries of a property.
    List<String> keys = new ArrayList<>();
    store.all().forEachRemaining(entry -> keys.add(entry.key));
    keys.forEach(store::delete);
    topic.clear();
    names = process();
    List<Answer> given = new ArrayList<>();
    for (Step step : steps) {
      if (step.restart()) {
        names = process();
      }
      dns.put(step.address(), step.answer());
      Answer answer = event(step.second(), step.address());
      given.add(answer instanceof Answer.Pending ? new Answer.Unanswered() : answer);
    }
    List<Answer> again =
        steps.stream().map(step -> recorded(step.second(), step.address())).toList();

    assertThat(again).isEqualTo(given);
  }
}
