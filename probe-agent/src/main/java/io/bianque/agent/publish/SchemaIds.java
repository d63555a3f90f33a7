package io.bianque.agent.publish;

import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.registry.RegistryClient;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.apache.avro.Schema;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ids of the schemas that this agent writes, as the registry has them. They are looked up and never
 * registered: an agent in a deployment may not change what a topic holds.
 *
 * <p>An id is remembered on disk, and that is used when the registry cannot be reached; when it
 * can, it is asked first, because ids of a registry that was made anew mean something else.
 * Thread-safe; asking is the business of a thread that exists only while something is unknown.
 */
public final class SchemaIds {
  private static final Logger LOG = LoggerFactory.getLogger(SchemaIds.class);
  private static final long FIRST_BACK_OFF_MS = 500;
  private static final long LONGEST_BACK_OFF_MS = 30_000;

  private final URI registryUrl;
  private final RegistryClient registry;
  private final Path cacheFile;
  private final Runnable whenKnown;
  private final Map<String, Integer> ids = new ConcurrentHashMap<>();
  private final Map<String, Integer> remembered;
  private final Map<String, Wanted> wanted = new ConcurrentHashMap<>();
  private Thread asking;
  private boolean stopped;

  private record Wanted(String topic, Schema schema, String trouble) {}

  /**
   * @param stateDir where ids are remembered
   * @param whenKnown called by the asking thread after ids became known
   */
  SchemaIds(URI registryUrl, Path stateDir, Runnable whenKnown) {
    this.registryUrl = registryUrl;
    this.registry = new RegistryClient(registryUrl);
    this.cacheFile = stateDir.resolve("schema-ids");
    this.whenKnown = whenKnown;
    this.remembered = readCache();
  }

  /** Tells two schemas apart, in all that a registry tells them apart by. */
  public static String fingerprint(Schema schema) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256")
              .digest(schema.toString().getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest, 0, 8);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /**
   * The id, when it is known; asks for it otherwise.
   *
   * @param schema with that fingerprint, called when it is to be asked for
   */
  OptionalInt id(String topic, String fingerprint, Supplier<Optional<Schema>> schema) {
    String key = topic + " " + fingerprint;
    Integer id = ids.get(key);
    if (id != null) {
      return OptionalInt.of(id);
    }
    Wanted before =
        wanted.computeIfAbsent(
            key,
            _ -> schema.get().map(each -> new Wanted(topic, each, "not asked yet")).orElse(null));
    if (before != null) {
      ask();
    }
    return OptionalInt.empty();
  }

  /** What is not known yet, with the reason; for people. */
  public List<String> trouble() {
    return wanted.values().stream()
        .map(each -> each.topic() + ": " + each.trouble())
        .sorted()
        .toList();
  }

  synchronized void stop() {
    stopped = true;
    notifyAll();
  }

  private synchronized void ask() {
    if (asking == null && !stopped) {
      asking = Thread.ofPlatform().daemon().name("bq-registry").start(this::askUntilKnown);
    }
  }

  private void askUntilKnown() {
    long backOff = FIRST_BACK_OFF_MS;
    while (true) {
      boolean some = false;
      for (Map.Entry<String, Wanted> entry : wanted.entrySet()) {
        some |= askFor(entry.getKey(), entry.getValue());
      }
      if (some) {
        whenKnown.run();
      }
      synchronized (this) {
        if (stopped || wanted.isEmpty()) {
          asking = null;
          return;
        }
        try {
          wait(some ? 1 : backOff);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          asking = null;
          return;
        }
      }
      backOff = Math.min(backOff * 2, LONGEST_BACK_OFF_MS);
    }
  }

  private boolean askFor(String key, Wanted each) {
    String subject = Topics.subject(each.topic());
    String trouble;
    try {
      OptionalInt id = registry.lookup(subject, each.schema());
      if (id.isPresent()) {
        known(key, id.getAsInt());
        return true;
      }
      trouble =
          "registry %s does not have this schema under %s: register it"
              .formatted(registryUrl, subject);
    } catch (RuntimeException e) {
      Integer before = remembered.get(registryUrl + " " + key);
      if (before != null) {
        LOG.info(
            "{}: using schema id {} of an earlier run: {}", each.topic(), before, e.getMessage());
        known(key, before);
        return true;
      }
      trouble = e.getMessage();
    }
    Wanted was = wanted.put(key, new Wanted(each.topic(), each.schema(), trouble));
    if (was == null || !was.trouble().equals(trouble)) {
      LOG.warn("{}: no schema id, events wait in the spool: {}", each.topic(), trouble);
    }
    return false;
  }

  private void known(String key, int id) {
    ids.put(key, id);
    wanted.remove(key);
    if (!Integer.valueOf(id).equals(remembered.put(registryUrl + " " + key, id))) {
      writeCache();
    }
  }

  private Map<String, Integer> readCache() {
    Map<String, Integer> read = new TreeMap<>();
    try {
      if (Files.exists(cacheFile)) {
        for (String line : Files.readAllLines(cacheFile)) {
          int space = line.lastIndexOf(' ');
          read.put(line.substring(0, space), Integer.parseInt(line, space + 1, line.length(), 10));
        }
      }
    } catch (IOException | IndexOutOfBoundsException | NumberFormatException e) {
      LOG.warn("{} is ignored and will be made anew: {}", cacheFile, e.toString());
      read.clear();
    }
    return read;
  }

  private void writeCache() {
    Path fresh = cacheFile.resolveSibling("schema-ids.new");
    try {
      Files.write(
          fresh,
          remembered.entrySet().stream()
              .map(entry -> entry.getKey() + " " + entry.getValue())
              .toList());
      Files.move(fresh, cacheFile, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      LOG.warn("schema ids are not remembered for the next start: {}", e.toString());
    }
  }
}
