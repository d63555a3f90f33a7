package io.bianque.agent.probe;

import io.bianque.agent.probe.ProbeState.Refusal;
import java.util.List;
import java.util.stream.Collectors;

/** No variant of some hook holds on this kernel as it is now. */
final class HooksRefused extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient List<Refusal> refused;

  HooksRefused(String probe, List<Refusal> refused) {
    super(
        "probe "
            + probe
            + ": no variant holds; tried "
            + refused.stream().map(Refusal::hook).distinct().collect(Collectors.joining(", ")));
    this.refused = List.copyOf(refused);
  }

  List<Refusal> refused() {
    return refused;
  }
}
