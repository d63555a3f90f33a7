package io.bianque.agent.probe;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * What an operator says about probes.
 *
 * @param folders where pairs of files are looked for; later ones win
 * @param enabled of probes of which it is said, whether they start with the agent; of others their
 *     own constant {@code enabled} says it, and without one they do
 * @param blacklist probes that are never started, whoever asks
 * @param tunables by probe, then by the name of the {@code const volatile} global: the value as
 *     written
 * @param channel how events come out of the kernel
 * @param channelBytes room for events that wait to be read: of the ring buffer, or of each CPU's
 *     perf ring; a power of two, a multiple of the page size; empty: as many CPUs need
 * @param retryAfter how long a probe that failed waits for its next try; the wait doubles with each
 *     failure, up to 16 times this
 * @param pins keep probes in the kernel when the agent is gone; empty: each ends with the agent
 */
public record ProbeSettings(
    List<Path> folders,
    Map<String, Boolean> enabled,
    Set<String> blacklist,
    Map<String, Map<String, String>> tunables,
    Channel channel,
    OptionalInt channelBytes,
    Duration retryAfter,
    Optional<Pins> pins) {
  static final int PAGE = 4096;
  static final int MOST_CHANNEL_BYTES = 1 << 29;

  /** 100 events with deep stacks: a CPU's default limit of a second. */
  private static final int CHANNEL_BYTES_A_CPU = 128 << 10;

  /** All of it is resident in the agent, and there is one for each probe. */
  private static final int MOST_RING_BYTES = 2 << 20;

  public static final Duration DEFAULT_RETRY_AFTER = Duration.ofSeconds(10);

  /** How events come out of the kernel. */
  public enum Channel {
    /** A ring buffer where the kernel has it, else a perf event array. */
    AUTO,
    RINGBUF,
    PERF
  }

  public ProbeSettings {
    folders = List.copyOf(folders);
    enabled = Map.copyOf(enabled);
    blacklist = Set.copyOf(blacklist);
    tunables = Map.copyOf(tunables);
    if (channelBytes.isPresent() && !isChannelSize(channelBytes.getAsInt())) {
      throw new IllegalArgumentException(
          "channel bytes "
              + channelBytes.getAsInt()
              + ": allowed is a power of two from "
              + PAGE
              + " to "
              + MOST_CHANNEL_BYTES);
    }
    if (retryAfter.isNegative() || retryAfter.isZero()) {
      throw new IllegalArgumentException("retry after " + retryAfter + ": must be positive");
    }
  }

  /** Of each CPU's perf ring. */
  int perfRingBytes() {
    return channelBytes.orElse(CHANNEL_BYTES_A_CPU);
  }

  /** Of a ring buffer, which all CPUs share. */
  int ringBufferBytes(int cpus) {
    int asMany = Math.clamp(cpus, 2, MOST_RING_BYTES / CHANNEL_BYTES_A_CPU);
    return channelBytes.orElse(CHANNEL_BYTES_A_CPU * Integer.highestOneBit(2 * asMany - 1));
  }

  static boolean isChannelSize(long bytes) {
    return Long.bitCount(bytes) == 1 && bytes >= PAGE && bytes <= MOST_CHANNEL_BYTES;
  }

  /** Everything in these folders, with its own defaults. */
  public static ProbeSettings of(Path... folders) {
    return new ProbeSettings(
        List.of(folders),
        Map.of(),
        Set.of(),
        Map.of(),
        Channel.AUTO,
        OptionalInt.empty(),
        DEFAULT_RETRY_AFTER,
        Optional.empty());
  }
}
