package io.bianque.streams.facts;

import io.bianque.facts.HostFacts;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Facts of the hosts in this task's partition, by host, boot and time. For one thread, the task's.
 */
public final class HostFactsStore {
  private static final int CACHED = 200;

  /** What a host id told last. */
  private record Told(String bootId, Instant observedAt) {}

  private final FactsByTime<HostFacts, Host> facts;
  private final Map<String, Told> last = new HashMap<>();

  /**
   * @param reader reads what {@link #put} was given
   */
  public HostFactsStore(KeyValueStore<String, byte[]> store, Function<byte[], HostFacts> reader) {
    this.facts =
        new FactsByTime<>(
            store, reader, HostFacts::getObservedAt, HostFactsStore::addsTo, Host::new, CACHED);
  }

  /**
   * A module that has come is in its place before the host tells of it; one that is gone is not.
   */
  private static boolean addsTo(HostFacts before, HostFacts now) {
    return before.getHostName().equals(now.getHostName())
        && before.getLabels().equals(now.getLabels())
        && new HashSet<>(now.getModules()).containsAll(before.getModules());
  }

  /** By which a boot is found. */
  public static String key(String hostId, String bootId) {
    return hostId + "/" + bootId;
  }

  /**
   * Takes facts, unless newer ones of that boot are there.
   *
   * @param bytes the same facts in the wire format
   * @return whether two hosts have that id: a boot that another had followed is not over
   */
  public boolean put(HostFacts host, byte[] bytes) {
    String key = key(host.getHostId(), host.getBootId());
    Told told = new Told(host.getBootId(), host.getObservedAt());
    Told before = last.getOrDefault(host.getHostId(), told);
    boolean isNews = !told.observedAt().isBefore(before.observedAt());
    if (isNews) {
      last.put(host.getHostId(), told);
    }
    boolean isBack =
        isNews && !told.bootId().equals(before.bootId()) && facts.newest(key).isPresent();
    facts.put(key, host, bytes);
    return isBack;
  }

  /**
   * The host at that time of that boot; empty when it has told nothing of the boot yet.
   *
   * @param key of the boot
   * @param timeNanos in ns since 1970
   */
  public Optional<Host> find(String key, long timeNanos) {
    return facts.at(key, timeNanos);
  }

  /** Forgets what was last observed that long before now. */
  public void forget(Duration age, Instant now) {
    facts.forget(age, now);
    last.values().removeIf(told -> told.observedAt().isBefore(now.minus(age)));
  }
}
