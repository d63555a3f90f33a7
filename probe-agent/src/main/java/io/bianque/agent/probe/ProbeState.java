package io.bianque.agent.probe;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** Where a probe stands. */
public sealed interface ProbeState {

  /**
   * It runs.
   *
   * @param hook the variant that holds: {@code tp_btf/kfree_skb}; of several hooks, separated by
   *     commas
   * @param channel {@code ringbuf} or {@code perf}; {@code none} when it has no events
   * @param refused variants that were tried before and did not hold, those of optional hooks that
   *     the probe does without included
   */
  record Attached(String hook, String channel, List<Refusal> refused) implements ProbeState {}

  /** It does not run, and need not: by configuration, or because this kernel has nothing for it. */
  record Skipped(String reason) implements ProbeState {}

  /**
   * It could not be started.
   *
   * @param refused what became of each variant, when it came so far
   * @param retryAt when it is tried again; empty when trying again cannot help before somebody
   *     changes its files or the configuration
   */
  record Failed(String reason, List<Refusal> refused, Optional<Instant> retryAt)
      implements ProbeState {}

  /** It ran until somebody stopped it. */
  record Stopped() implements ProbeState {}

  /**
   * A variant that the kernel did not take.
   *
   * @param hook its section: {@code tp_btf/kfree_skb}
   * @param reason what failed, with errno and libbpf's words
   * @param remedy what to grant, mount or change, where it is known
   */
  record Refusal(String hook, String reason, Optional<String> remedy) {}
}
