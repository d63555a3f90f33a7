package io.bianque.agent.source;

import java.util.Optional;

/** Record of {@code netdev_hw}; its schema says what the fields are. */
public record NetdevHw(
    Optional<Long> netns,
    Optional<Integer> nsid,
    String device,
    int ifindex,
    Optional<String> kind,
    Optional<String> driver,
    long rxErrors,
    long rxDropped,
    long rxMissedErrors,
    long rxFifoErrors,
    long rxOverErrors,
    long rxCrcErrors,
    long rxFrameErrors,
    long rxLengthErrors,
    long rxNohandler,
    long txErrors,
    long txDropped,
    long txFifoErrors,
    long txCarrierErrors,
    long txAbortedErrors,
    long txHeartbeatErrors,
    long txWindowErrors,
    long collisions,
    long rxPackets,
    long rxBytes,
    long txPackets,
    long txBytes) {}
