package io.bianque.schemas.wire;

import io.bianque.schemas.wire.UnreadableRecord.Reason;

/** The header of a record: {@code 0x00} and the schema's id, 4 bytes in network order. */
public final class WireFormat {
  public static final byte MAGIC = 0;

  /** Length of the header in bytes. */
  public static final int HEADER = 5;

  private WireFormat() {}

  /**
   * The schema id of a record.
   *
   * @throws UnreadableRecord {@code not-avro} when it is null or begins otherwise, {@code
   *     truncated} when it ends before its body
   */
  public static int schemaId(byte[] record) {
    if (record == null) {
      throw new UnreadableRecord(Reason.NOT_AVRO, "the value is null");
    }
    if (record.length > 0 && record[0] != MAGIC) {
      throw new UnreadableRecord(
          Reason.NOT_AVRO,
          "the first byte is 0x%02x, not the wire format's 0x00".formatted(record[0]));
    }
    if (record.length < HEADER) {
      throw new UnreadableRecord(
          Reason.TRUNCATED, "%d bytes are no whole header of %d".formatted(record.length, HEADER));
    }
    return (record[1] & 0xff) << 24
        | (record[2] & 0xff) << 16
        | (record[3] & 0xff) << 8
        | (record[4] & 0xff);
  }

  /** A record of the header and a copy of the Avro body. */
  public static byte[] frame(int schemaId, byte[] body) {
    return frame(schemaId, body, 0, body.length);
  }

  /** A record of the header and a copy of the Avro body at {@code [offset, offset + length)}. */
  public static byte[] frame(int schemaId, byte[] body, int offset, int length) {
    byte[] record = new byte[HEADER + length];
    putHeader(schemaId, record, 0);
    System.arraycopy(body, offset, record, HEADER, length);
    return record;
  }

  /** Writes the header into {@code [offset, offset + HEADER)}. */
  public static void putHeader(int schemaId, byte[] record, int offset) {
    record[offset] = MAGIC;
    record[offset + 1] = (byte) (schemaId >>> 24);
    record[offset + 2] = (byte) (schemaId >>> 16);
    record[offset + 3] = (byte) (schemaId >>> 8);
    record[offset + 4] = (byte) schemaId;
  }
}
