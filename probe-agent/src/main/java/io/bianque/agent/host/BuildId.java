package io.bianque.agent.host;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;

/** The GNU build id in ELF notes: of /sys/kernel/notes, a module, or a program. */
public final class BuildId {
  private static final int NT_GNU_BUILD_ID = 3;
  private static final byte[] GNU = {'G', 'N', 'U', 0};
  private static final int NOTE_HEADER_BYTES = 12;

  private BuildId() {}

  /** In lower-case hex; empty when there is none, or the notes are malformed before it. */
  public static Optional<String> find(byte[] notes) {
    ByteBuffer in = ByteBuffer.wrap(notes).order(ByteOrder.nativeOrder());
    while (in.remaining() >= NOTE_HEADER_BYTES) {
      long nameSize = in.getInt() & 0xffffffffL;
      long size = in.getInt() & 0xffffffffL;
      int type = in.getInt();
      if (padded(nameSize) + size > in.remaining()) {
        return Optional.empty();
      }
      byte[] name = new byte[(int) nameSize];
      in.get(in.position(), name);
      in.position(in.position() + (int) padded(nameSize));
      if (type == NT_GNU_BUILD_ID && Arrays.equals(name, GNU) && size > 0) {
        byte[] id = new byte[(int) size];
        in.get(id);
        return Optional.of(HexFormat.of().formatHex(id));
      }
      in.position((int) Math.min(in.position() + padded(size), in.limit()));
    }
    return Optional.empty();
  }

  private static long padded(long size) {
    return (size + 3) & ~3L;
  }
}
