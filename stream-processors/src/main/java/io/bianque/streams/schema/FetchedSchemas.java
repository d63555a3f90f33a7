package io.bianque.streams.schema;

import io.bianque.schemas.registry.RegistryRefused;
import io.bianque.schemas.registry.RegistryUnreachable;
import io.bianque.schemas.registry.UnknownSchemaId;
import io.bianque.schemas.registry.WriterSchemas;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.avro.Schema;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The registry's answers, fetched in the background. Thread-safe; no call waits for the registry.
 *
 * <p>A registry that does not answer, and a schema that is not registered yet, are asked for again
 * until they are there. That an id is unknown is an answer, and kept for a minute.
 */
public final class FetchedSchemas implements WriterSchemas {
  private static final Logger LOG = LoggerFactory.getLogger(FetchedSchemas.class);
  private static final Duration UNKNOWN_FOR = Duration.ofMinutes(1);

  /** The registry as far as it is needed here: the client's methods, or a fixed set in a test. */
  public interface Registry extends WriterSchemas {
    /** The id of that schema under the subject; empty when it is not registered. */
    OptionalInt lookup(String subject, Schema schema);
  }

  /** What is asked for cannot be used yet; the message says what has to be done. */
  public static final class NotThereYet extends RuntimeException {
    public NotThereYet(String message) {
      super(message, null, false, false);
    }
  }

  /** Where asking is done: a thread that may wait, or the test's own turn. */
  public interface Background {
    void now(Runnable work);

    void later(Duration delay, Runnable work);

    /** One thread's. The executor is the caller's to shut down. */
    static Background of(ScheduledExecutorService executor) {
      return new Background() {
        @Override
        public void now(Runnable work) {
          executor.execute(work);
        }

        @Override
        public void later(Duration delay, Runnable work) {
          var _ = executor.schedule(work, delay.toMillis(), TimeUnit.MILLISECONDS);
        }
      };
    }
  }

  private sealed interface State {
    record Known<T>(T value) implements State {}

    record Unknown(UnknownSchemaId why, long untilNanos) implements State {}

    /** Being asked for; {@code why} is null until the first attempt has failed. */
    record Pending(String why) implements State {}
  }

  private record Registered(String subject, Schema schema) {}

  private final Registry registry;
  private final Background background;
  private final Duration retry;
  private final Map<Object, State> states = new ConcurrentHashMap<>();

  /**
   * @param background where the registry is asked
   * @param retry pause after an attempt that failed
   */
  public FetchedSchemas(Registry registry, Background background, Duration retry) {
    this.registry = registry;
    this.background = background;
    this.retry = retry;
  }

  /**
   * {@inheritDoc}
   *
   * @throws SchemaPending when it is not known yet
   */
  @Override
  public Schema schema(int id) {
    return (Schema) get(id, "schema " + Integer.toUnsignedString(id), () -> registry.schema(id));
  }

  /**
   * The id under which that schema is registered.
   *
   * @throws SchemaPending when it is not known yet, or not registered yet
   */
  public int id(String subject, Schema schema) {
    String what = "the id of " + schema.getFullName() + " under " + subject;
    return (Integer)
        get(
            new Registered(subject, schema),
            what,
            () -> {
              OptionalInt id = registry.lookup(subject, schema);
              return id.isPresent() ? id.getAsInt() : null;
            });
  }

  private Object get(Object key, String what, Supplier<?> fetch) {
    State state = states.get(key);
    if (state == null) {
      if (states.putIfAbsent(key, new State.Pending(null)) == null) {
        background.now(() -> fetch(key, what, fetch));
      }
      state = states.get(key);
    }
    return switch (state) {
      case State.Known<?> known -> known.value();
      case State.Unknown unknown -> {
        if (System.nanoTime() - unknown.untilNanos() > 0) {
          states.remove(key, unknown);
        }
        throw unknown.why();
      }
      case State.Pending pending ->
          throw new SchemaPending(pending.why() == null ? "waits for " + what : pending.why());
    };
  }

  private void fetch(Object key, String what, Supplier<?> fetch) {
    String failure;
    try {
      Object value = fetch.get();
      if (value != null) {
        states.put(key, new State.Known<>(value));
        return;
      }
      failure = what + " is not registered; register the catalogue's schemas (`bianque up` does)";
    } catch (UnknownSchemaId e) {
      states.put(key, new State.Unknown(e, System.nanoTime() + UNKNOWN_FOR.toNanos()));
      return;
    } catch (RegistryUnreachable | RegistryRefused | NotThereYet e) {
      failure = "waits for " + what + ": " + e.getMessage();
    } catch (RuntimeException e) {
      // Counted nowhere else, and a fetch that dies would never be tried again.
      LOG.error("Asking the registry for {} failed", what, e);
      failure = "waits for " + what + ": " + e;
    }
    if (!(states.put(key, new State.Pending(failure)) instanceof State.Pending(String before))
        || !failure.equals(before)) {
      LOG.warn("Events wait: {}", failure);
    }
    background.later(retry, () -> fetch(key, what, fetch));
  }

  /** What is waited for, because an attempt has failed: for people. Empty when nothing is. */
  public List<String> waitsFor() {
    return states.values().stream()
        .filter(s -> s instanceof State.Pending(String why) && why != null)
        .map(s -> ((State.Pending) s).why())
        .sorted()
        .toList();
  }
}
