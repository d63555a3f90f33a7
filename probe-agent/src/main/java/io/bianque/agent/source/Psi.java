package io.bianque.agent.source;

import java.util.Optional;

/** Record of {@code psi}; its schema says what the fields are. */
public record Psi(
    Resource resource,
    Optional<Long> cgroupId,
    Optional<String> cgroup,
    long someTotalNs,
    long fullTotalNs) {

  /** What tasks wait for. */
  public enum Resource {
    CPU,
    MEMORY,
    IO,
    IRQ
  }
}
