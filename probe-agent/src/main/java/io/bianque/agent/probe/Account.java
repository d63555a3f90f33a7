package io.bianque.agent.probe;

import io.bianque.agent.encode.EncodeFailure;
import io.bianque.agent.libbpf.KernelMap;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * What the agent itself counts in one stream of a probe's life. Kept beside the kernel's counters
 * too, in the map {@code account} of include/account.h, so that the next run of the agent goes on
 * counting. One thread at a time.
 */
final class Account {
  /** Longs of a stream in the map: its records, then its failures by reason. */
  private static final int STRIDE = 8;

  private final Optional<KernelMap> map;
  private final int base;
  private final Map<EncodeFailure, Long> failures = new EnumMap<>(EncodeFailure.class);
  private long records;

  /**
   * Goes on from what the map has, zeros in a new one.
   *
   * @param map empty when the probe has none
   * @param stream 0 for events, then the polled maps in order
   */
  Account(Optional<KernelMap> map, int stream) {
    this.base = stream * STRIDE;
    // More streams than there is room for are counted in memory only.
    this.map = map.filter(each -> base + STRIDE <= each.maxEntries());
    this.map.ifPresent(kept -> {
      records = kept.lookup(base);
      for (EncodeFailure reason : EncodeFailure.values()) {
        long count = kept.lookup(at(reason));
        if (count > 0) {
          failures.put(reason, count);
        }
      }
    });
  }

  /** Records made of a polled map, those that could not be encoded included. */
  long records() {
    return records;
  }

  void records(long now) {
    records = now;
    map.ifPresent(kept -> kept.update(base, now));
  }

  Map<EncodeFailure, Long> failures() {
    return Map.copyOf(failures);
  }

  long failed() {
    return failures.values().stream().mapToLong(Long::longValue).sum();
  }

  /** How often that reason has been met with this time. */
  long failed(EncodeFailure reason) {
    long count = failures.merge(reason, 1L, Long::sum);
    map.ifPresent(kept -> kept.update(at(reason), count));
    return count;
  }

  private int at(EncodeFailure reason) {
    return base + reason.number();
  }
}
