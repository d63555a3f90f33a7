package io.bianque.agent.encode;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.concurrent.TimeUnit;

/**
 * What the agent adds to each event of one life of a probe: who saw it, how its clock relates to
 * wall time, and names that nobody can find later. All but the last two are encoded here once.
 *
 * <p>The clock offset may be set by any thread while another one encodes.
 */
public final class AgentFields {
  /** Longest id in UTF-8 bytes; a UUID has 36. Bounds {@link EncodePlan#maxEncodedSize}. */
  public static final int MAX_ID_BYTES = 64;

  final byte[] hostId;
  final byte[] bootId;
  final byte[] epoch;
  final CodeNames codeNames;
  private volatile long clockOffsetNanos;

  /**
   * @param epoch wall time in ns at which the probe's counters were created
   * @param clockOffsetNanos CLOCK_REALTIME - CLOCK_MONOTONIC
   * @param codeNames of frames that are in no file
   */
  public AgentFields(
      String hostId, String bootId, long epoch, long clockOffsetNanos, CodeNames codeNames) {
    this.hostId = string("host id", hostId);
    this.bootId = string("boot id", bootId);
    byte[] buffer = new byte[10];
    this.epoch = java.util.Arrays.copyOf(buffer, AvroBytes.writeLong(epoch, buffer, 0));
    this.clockOffsetNanos = clockOffsetNanos;
    this.codeNames = codeNames;
  }

  /** As the other, where nothing is in no file. */
  public AgentFields(String hostId, String bootId, long epoch, long clockOffsetNanos) {
    this(hostId, bootId, epoch, clockOffsetNanos, CodeNames.NONE);
  }

  public long clockOffsetNanos() {
    return clockOffsetNanos;
  }

  /** CLOCK_MONOTONIC now, by way of wall time, which a time namespace does not shift. */
  public long monotonicNanosNow() {
    Instant wall = Instant.now();
    return TimeUnit.SECONDS.toNanos(wall.getEpochSecond()) + wall.getNano() - clockOffsetNanos;
  }

  public void clockOffsetNanos(long offset) {
    clockOffsetNanos = offset;
  }

  private static byte[] string(String what, String value) {
    byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
    if (utf8.length == 0 || utf8.length > MAX_ID_BYTES) {
      throw new IllegalArgumentException(
          what + " of " + utf8.length + " bytes, 1 to " + MAX_ID_BYTES + " are allowed");
    }
    byte[] encoded = new byte[10 + utf8.length];
    int at = AvroBytes.writeLong(utf8.length, encoded, 0);
    System.arraycopy(utf8, 0, encoded, at, utf8.length);
    return java.util.Arrays.copyOf(encoded, at + utf8.length);
  }
}
