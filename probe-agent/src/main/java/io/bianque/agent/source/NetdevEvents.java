package io.bianque.agent.source;

import java.util.Optional;

/** Record of {@code netdev_events}; its schema says what the fields are. */
public record NetdevEvents(
    Optional<Long> netns,
    Optional<Integer> nsid,
    String device,
    int ifindex,
    Optional<String> kind,
    Optional<String> driver,
    Change change,
    Optional<String> before,
    Optional<String> after,
    Link.UpDown admin,
    Link.UpDown carrier,
    Link.OperState operstate,
    Optional<String> master,
    Optional<Long> speedMbps) {

  /** What changed. */
  public enum Change {
    APPEARED,
    DISAPPEARED,
    RENAMED,
    ADMIN,
    CARRIER,
    OPERSTATE,
    SPEED,
    MASTER,
    BOND_STATE,
    BOND_LINK
  }
}
