package io.bianque.agent.btf;

/**
 * A field of a struct.
 *
 * @param offsetBits from the begin of the outermost struct
 * @param bitFieldBits width of a bit-field, 0 when it is none
 */
public record BtfField(String name, int offsetBits, int bitFieldBits, BtfType type) {

  /** Offset in bytes of the field, of the byte that holds its first bit when it is a bit-field. */
  public int offset() {
    return offsetBits >>> 3;
  }

  public boolean isBitField() {
    return bitFieldBits != 0;
  }
}
