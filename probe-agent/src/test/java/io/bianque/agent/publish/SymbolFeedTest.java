package io.bianque.agent.publish;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bianque.facts.SymbolChunk;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

class SymbolFeedTest {
  private static final List<String> ALL = List.of("aa/vmlinux", "bb/veth");

  private final AtomicInteger readings = new AtomicInteger();
  private final Semaphore woken = new Semaphore(0);

  @Test
  void nothingIsReadBeforeItIsAskedFor() {
    SymbolFeed feed = feed(false);

    assertThat(feed.poll()).isNull();
    assertThat(readings).hasValue(0);
  }

  @Test
  void whatIsAskedForIsReadOnce() throws Exception {
    SymbolFeed feed = feed(false);
    feed.ask(Set.of("bb/veth", "cc/gone"));

    assertThat(take(feed, 1)).containsExactly("bb/veth");
    await().atMost(Duration.ofSeconds(10)).until(() -> isIdle(feed));
    assertThat(feed.poll()).isNull();
    assertThat(readings).hasValue(1);
  }

  @Test
  void askedWhileAnotherIsReadItsTurnComes() throws Exception {
    SymbolFeed feed = feed(false);
    feed.ask(Set.of("aa/vmlinux"));
    assertThat(feed.poll()).isNull();
    feed.ask(Set.of("bb/veth"));

    assertThat(take(feed, 2)).containsExactly("aa/vmlinux", "bb/veth");
  }

  @Test
  void lostWithItsProducerItIsReadAgain() throws Exception {
    SymbolFeed feed = feed(false);
    feed.ask(Set.of("aa/vmlinux"));
    assertThat(take(feed, 1)).containsExactly("aa/vmlinux");
    feed.again();

    assertThat(take(feed, 1)).containsExactly("aa/vmlinux");
  }

  @Test
  void whereNobodyCanAskAllAreReadAtStartAndWhenModulesChange() throws Exception {
    SymbolFeed feed = feed(true);

    assertThat(take(feed, 2)).containsExactlyElementsOf(ALL);
    await().atMost(Duration.ofSeconds(10)).until(() -> isIdle(feed));
    feed.modulesChanged();
    assertThat(take(feed, 2)).containsExactlyElementsOf(ALL);
  }

  @Test
  void readingThatFailsLeavesItReadyForTheNext() throws Exception {
    SymbolFeed feed =
        new SymbolFeed(
            (wanted, sink) -> {
              if (readings.incrementAndGet() == 1) {
                throw new IllegalStateException("cannot be read");
              }
              tables(wanted, sink);
            },
            false);
    feed.start(woken::release);
    feed.ask(Set.of("aa/vmlinux"));
    assertThat(feed.poll()).isNull();
    await().atMost(Duration.ofSeconds(10)).until(() -> readings.get() == 1);
    feed.ask(Set.of("bb/veth"));

    assertThat(take(feed, 1)).containsExactly("bb/veth");
  }

  private SymbolFeed feed(boolean unasked) {
    SymbolFeed feed =
        new SymbolFeed(
            (wanted, sink) -> {
              readings.incrementAndGet();
              tables(wanted, sink);
            },
            unasked);
    feed.start(woken::release);
    return feed;
  }

  private static void tables(Predicate<String> wanted, Consumer<SymbolChunk> sink) {
    for (String table : ALL) {
      if (wanted.test(table)) {
        String[] parts = table.split("/", 2);
        sink.accept(new SymbolChunk(parts[0], parts[1], 0, true, List.of(), null));
      }
    }
  }

  /** As the publisher does: looks when it is woken. */
  private List<String> take(SymbolFeed feed, int count) throws InterruptedException {
    List<String> taken = new ArrayList<>();
    while (taken.size() < count) {
      SymbolChunk chunk = feed.poll();
      if (chunk == null) {
        assertThat(woken.tryAcquire(10, TimeUnit.SECONDS)).as("woken").isTrue();
      } else {
        taken.add(chunk.getBuildId() + "/" + chunk.getObject());
      }
    }
    return taken;
  }

  private static boolean isIdle(SymbolFeed feed) {
    return feed.poll() == null && !feed.isReady();
  }
}
