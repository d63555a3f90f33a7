package io.bianque.agent.probe;

import io.bianque.agent.probe.ProbeState.Refusal;
import java.util.List;
import java.util.stream.Collectors;

/** No variant of some hook that the probe needs holds on this kernel as it is now, or of none. */
final class HooksRefused extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient List<Refusal> refused;
  private final boolean allOptional;

  /**
   * @param allOptional the probe needs none of its hooks, and has none: this kernel lacks what it
   *     watches
   */
  HooksRefused(String probe, List<Refusal> refused, boolean allOptional) {
    super(
        "probe "
            + probe
            + ": no variant holds; tried "
            + refused.stream().map(Refusal::hook).distinct().collect(Collectors.joining(", ")));
    this.refused = List.copyOf(refused);
    this.allOptional = allOptional;
  }

  boolean allOptional() {
    return allOptional;
  }

  List<Refusal> refused() {
    return refused;
  }
}
