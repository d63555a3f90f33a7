package io.bianque.agent.publish;

/**
 * One life of one probe: its events share counters and sequence numbers.
 *
 * @param epoch wall time in ns at which its counters were created
 */
public record Life(String probe, String bootId, long epoch) {}
