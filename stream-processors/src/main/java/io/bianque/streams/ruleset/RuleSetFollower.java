package io.bianque.streams.ruleset;

import io.bianque.schemas.registry.RegistryRefused;
import io.bianque.schemas.registry.RegistryUnreachable;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.KafkaException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps {@link LiveRules} at what the topic says, on a thread of its own: what is applied is
 * compiled here, and no event waits for it.
 */
public final class RuleSetFollower implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RuleSetFollower.class);
  private static final Duration RETRY = Duration.ofSeconds(1);

  /** Of a set that was refused: the topic of a route may be there by now. */
  private static final Duration TRY_AGAIN = Duration.ofSeconds(5);

  /** How long a close may have to wait for the thread. */
  private static final Duration POLL = Duration.ofMillis(500);

  private final Cluster cluster;
  private final LiveRules rules;
  private final Thread thread = new Thread(this::run, "bianque-rules");
  private final CountDownLatch stop = new CountDownLatch(1);
  private volatile boolean loaded;
  private volatile Optional<String> trouble = Optional.empty();

  public RuleSetFollower(Cluster cluster, LiveRules rules) {
    this.cluster = cluster;
    this.rules = rules;
    thread.setDaemon(true);
  }

  /** Begins, unless it has begun. */
  public synchronized void start() {
    if (thread.getState() == Thread.State.NEW) {
      thread.start();
    }
  }

  /** Whether all that had been applied by the start is known: before that, nothing may decide. */
  public boolean isLoaded() {
    return loaded;
  }

  /** Why the topic cannot be read now. What decides goes on deciding. */
  public Optional<String> trouble() {
    return trouble;
  }

  private void run() {
    while (stop.getCount() > 0) {
      try (RuleSetReader reader = new RuleSetReader(cluster)) {
        rules.update(reader.readAll(), reader::topics);
        trouble = Optional.empty();
        loaded = true;
        long again = System.nanoTime() + TRY_AGAIN.toNanos();
        while (stop.getCount() > 0) {
          boolean more = reader.more(POLL);
          boolean tryAgain = rules.refusal().isPresent() && System.nanoTime() >= again;
          if (more || tryAgain) {
            rules.update(reader.sets(), reader::topics);
            again = System.nanoTime() + TRY_AGAIN.toNanos();
          }
        }
      } catch (KafkaException | Cluster.Unavailable | RegistryUnreachable | RegistryRefused e) {
        startAgain(e.getMessage());
      } catch (RuntimeException e) {
        LOG.error("Reading rule sets failed", e);
        startAgain(e.toString());
      }
    }
  }

  /** All is read again: the topic is small, and the rules stay meanwhile. */
  private void startAgain(String reason) {
    String why = "rule sets cannot be read: " + reason;
    if (!trouble.equals(Optional.of(why))) {
      LOG.warn("{}", why);
    }
    trouble = Optional.of(why);
    pause();
  }

  private void pause() {
    try {
      var _ = stop.await(RETRY.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      stop.countDown();
    }
  }

  /** Ends; does not wait for the thread, which closes its consumer by itself. */
  @Override
  public void close() {
    stop.countDown();
  }
}
