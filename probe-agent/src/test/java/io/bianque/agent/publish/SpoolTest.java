package io.bianque.agent.publish;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.probe.Receipt;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SpoolTest {
  private static final Life LIFE = new Life("dropwatch", "boot-1", 4711);
  private static final long SEGMENT = 4096;

  @TempDir Path dir;

  private Map<Life, Counts> counts = new HashMap<>();
  private Stream stream = streamOf(LIFE);

  private Counts countsOf(Life life) {
    return counts.computeIfAbsent(life, _ -> new Counts());
  }

  private Stream streamOf(Life life) {
    return new Stream(life, "fingerprint", countsOf(life));
  }

  private Spool open() throws IOException {
    return Spool.open(dir, SEGMENT, this::countsOf);
  }

  /** As another run of the agent finds the folder. */
  private Spool reopen() throws IOException {
    counts = new HashMap<>();
    stream = streamOf(LIFE);
    return open();
  }

  private Event event(int number) {
    stream.counts().offered();
    byte[] body = ("event " + number).getBytes(StandardCharsets.UTF_8);
    return Event.of(stream, number * 1_000_000L, body, 0, body.length, Receipt.NONE);
  }

  private Deque<Event> events(int from, int to) {
    return new ArrayDeque<>(IntStream.range(from, to).mapToObj(this::event).toList());
  }

  private static int number(Event event) {
    String body = new String(event.value, 5, event.bodyLength(), StandardCharsets.UTF_8);
    assertThat(event.wallNanos).isEqualTo(Integer.parseInt(body.substring(6)) * 1_000_000L);
    return Integer.parseInt(body.substring(6));
  }

  private static List<Integer> rest(Spool spool) throws IOException {
    List<Integer> numbers = new ArrayList<>();
    for (Spool.Entry entry = spool.next(); entry != null; entry = spool.next()) {
      numbers.add(number(entry.event()));
    }
    return numbers;
  }

  private static List<Integer> range(int from, int to) {
    return IntStream.range(from, to).boxed().toList();
  }

  @Test
  void eventsComeOutInTheOrderTheyWentInAcrossSegments() throws IOException {
    Spool spool = open();
    spool.append(events(0, 1000));
    assertThat(countsOf(LIFE).snapshot().spooled()).isEqualTo(1000);
    assertThat(segments()).hasSizeGreaterThan(3);
    assertThat(rest(spool)).isEqualTo(range(0, 1000));
    assertThat(countsOf(LIFE).snapshot().spooled()).isZero();
    assertThat(spool.isEmpty()).isTrue();
  }

  @Test
  void eventsAppendedWhileReadingComeLast() throws IOException {
    Spool spool = open();
    spool.append(events(0, 10));
    assertThat(number(spool.next().event())).isZero();
    spool.append(events(10, 20));
    assertThat(rest(spool)).isEqualTo(range(1, 20));
  }

  @Test
  void theNextRunGoesOnBehindWhatWasAcknowledged() throws IOException {
    Spool spool = open();
    spool.append(events(0, 600));
    Spool.Entry entry = null;
    for (int i = 0; i < 300; i++) {
      entry = spool.next();
    }
    spool.acknowledge(entry.end());
    spool.writePosition();
    // 100 more are handed out and never acknowledged: the agent is killed here.
    for (int i = 0; i < 100; i++) {
      spool.next();
    }

    Spool next = reopen();
    assertThat(countsOf(LIFE).snapshot().spooled()).isEqualTo(300);
    assertThat(rest(next)).isEqualTo(range(300, 600));
  }

  @Test
  void acknowledgedSegmentsLeaveTheDisk() throws IOException {
    Spool spool = open();
    spool.append(events(0, 1000));
    Spool.Entry last = null;
    for (Spool.Entry entry = spool.next(); entry != null; entry = spool.next()) {
      last = entry;
    }
    spool.acknowledge(last.end());
    assertThat(segments()).isEmpty();
    assertThat(spool.bytes()).isZero();
  }

  @Test
  void aTornEndIsCutAndWhatIsBeforeItSurvives() throws IOException {
    Spool spool = open();
    spool.append(events(0, 20));
    Path segment = segments().getFirst();
    long whole = Files.size(segment);
    Files.write(segment, new byte[] {0, 0, 0, 40, 1, 2, 3}, StandardOpenOption.APPEND);

    Spool next = reopen();
    assertThat(next.unreadableBytes()).isEqualTo(7);
    assertThat(Files.size(segment)).isEqualTo(whole);
    assertThat(rest(next)).isEqualTo(range(0, 20));
  }

  @Test
  void anyCutOfTheFileLosesOnlyWhatIsBehindTheCut() throws IOException {
    Spool spool = open();
    spool.append(events(0, 20));
    Path segment = segments().getFirst();
    byte[] whole = Files.readAllBytes(segment);
    for (int length = whole.length; length >= 0; length -= 7) {
      Files.deleteIfExists(dir.resolve("position"));
      Files.write(segment, java.util.Arrays.copyOf(whole, length));
      List<Integer> left = rest(reopen());
      assertThat(left).isEqualTo(range(0, left.size()));
      assertThat(left.size()).isLessThanOrEqualTo(20);
    }
  }

  @Test
  void aFlippedBitEndsTheSegmentThere() throws IOException {
    Spool spool = open();
    spool.append(events(0, 20));
    Path segment = segments().getFirst();
    byte[] bytes = Files.readAllBytes(segment);
    bytes[bytes.length / 2] ^= 4;
    Files.write(segment, bytes);

    List<Integer> left = rest(reopen());
    assertThat(left).isNotEmpty().hasSizeLessThan(20).isEqualTo(range(0, left.size()));
  }

  @Test
  void theOldestAreGivenUpFirstAndCounted() throws IOException {
    Spool spool = open();
    spool.append(events(0, 1000));
    assertThat(spool.dropOldest(DropReason.SPOOL_FULL)).isTrue();
    Counts.Snapshot snapshot = countsOf(LIFE).snapshot();
    long dropped = snapshot.droppedBy().get(DropReason.SPOOL_FULL);
    assertThat(dropped).isPositive();
    assertThat(snapshot.spooled()).isEqualTo(1000 - dropped);
    assertThat(snapshot.inFlight()).isZero();
    assertThat(rest(spool)).isEqualTo(range((int) dropped, 1000));
  }

  @Test
  void dropsCountOnlyWhatWasNotHandedOut() throws IOException {
    Spool spool = open();
    spool.append(events(0, 10));
    spool.next();
    spool.next();
    assertThat(spool.dropOldest(DropReason.SPOOL_FULL)).isTrue();
    Counts.Snapshot snapshot = countsOf(LIFE).snapshot();
    assertThat(snapshot.dropped()).isEqualTo(8);
    assertThat(snapshot.inFlight()).isEqualTo(2);
    assertThat(spool.dropOldest(DropReason.SPOOL_FULL)).isFalse();
    assertThat(rest(spool)).isEmpty();
  }

  @Test
  void whatIsGivenBackIsTheNextAgain() throws IOException {
    Spool spool = open();
    spool.append(events(0, 600));
    assertThat(number(spool.next().event())).isZero();
    for (int i = 1; i < 300; i++) {
      Spool.Entry entry = spool.next();
      spool.giveBack(entry);
      assertThat(countsOf(LIFE).snapshot().spooled()).isEqualTo(600 - i);
      assertThat(number(spool.next().event())).isEqualTo(i);
    }
    assertThat(rest(spool)).isEqualTo(range(300, 600));
  }

  @Test
  void whatIsGivenBackIsGivenUpWithTheOldest() throws IOException {
    Spool spool = open();
    spool.append(events(0, 1000));
    spool.giveBack(spool.next());
    assertThat(spool.dropOldest(DropReason.SPOOL_FULL)).isTrue();
    int dropped = (int) countsOf(LIFE).snapshot().dropped();
    assertThat(countsOf(LIFE).snapshot().inFlight()).isZero();
    assertThat(rest(spool)).isEqualTo(range(dropped, 1000));
  }

  @Test
  void whatIsGivenBackStaysBehindWhatAProducerHad() throws IOException {
    Spool spool = open();
    spool.append(events(0, 300));
    List<Event> withProducer = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      withProducer.add(spool.next().event());
    }
    spool.giveBack(spool.next());
    spool.takeBack(withProducer);
    assertThat(countsOf(LIFE).snapshot().spooled()).isEqualTo(300);
    spool.close();

    assertThat(rest(reopen())).isEqualTo(range(0, 300));
  }

  @Test
  void whatAProducerHadComesBackBeforeAllElse() throws IOException {
    Spool spool = open();
    spool.append(events(10, 600));
    List<Event> withProducer = new ArrayList<>(events(0, 10));
    for (int i = 0; i < 100; i++) {
      withProducer.add(spool.next().event());
    }
    spool.takeBack(withProducer);
    assertThat(countsOf(LIFE).snapshot().spooled()).isEqualTo(600);
    assertThat(countsOf(LIFE).snapshot().inFlight()).isZero();
    spool.append(events(600, 610));
    spool.close();

    Spool next = reopen();
    assertThat(countsOf(LIFE).snapshot().spooled()).isEqualTo(610);
    assertThat(rest(next)).isEqualTo(range(0, 610));
  }

  @Test
  void takingBackTwiceKeepsTheOrder() throws IOException {
    Spool spool = open();
    spool.append(events(0, 300));
    for (int round = 0; round < 3; round++) {
      List<Event> out = new ArrayList<>();
      for (int i = 0; i < 50; i++) {
        out.add(spool.next().event());
      }
      spool.takeBack(out);
    }
    assertThat(rest(spool)).isEqualTo(range(0, 300));
  }

  @Test
  void livesAreCountedApart() throws IOException {
    Spool spool = open();
    spool.append(events(0, 5));
    Life other = new Life("dropwatch", "boot-2", 4712);
    stream = streamOf(other);
    spool.append(events(5, 8));
    spool.close();

    Spool next = reopen();
    assertThat(countsOf(LIFE).snapshot().spooled()).isEqualTo(5);
    assertThat(countsOf(other).snapshot().spooled()).isEqualTo(3);
    assertThat(rest(next)).isEqualTo(range(0, 8));
  }

  @Test
  void anEventLargerThanTheBufferGoesThrough() throws IOException {
    Spool spool = open();
    byte[] body = new byte[300_000];
    stream.counts().offered();
    spool.append(
        new ArrayDeque<>(List.of(Event.of(stream, 1, body, 0, body.length, Receipt.NONE))));
    assertThat(spool.next().event().bodyLength()).isEqualTo(300_000);
  }

  private List<Path> segments() throws IOException {
    try (var files = Files.list(dir)) {
      return files.filter(file -> file.toString().endsWith(".seg")).sorted().toList();
    }
  }
}
