package io.bianque.agent.btf;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Makes BTF by hand: each method adds one type and returns its id. */
public final class BtfBuilder {
  private final ByteArrayOutputStream names = new ByteArrayOutputStream();
  private final Map<String, Integer> nameOffsets = new HashMap<>();
  private final ByteArrayOutputStream types = new ByteArrayOutputStream();
  private int count;

  /** A member of a struct; {@code bits} is 0 unless it is a bit-field. */
  public record Member(String name, int type, int offsetBits, int bits) {
    public static Member at(String name, int type, int offset) {
      return new Member(name, type, offset * 8, 0);
    }
  }

  public BtfBuilder() {
    names.write(0);
  }

  public int integer(String name, int bytes, boolean signed) {
    return integer(name, bytes, signed ? 1 : 0, 0, bytes * 8);
  }

  public int bool() {
    return integer("_Bool", 1, 4, 0, 8);
  }

  /** An INT with its encoding spelled out, as it was written before the kind flag. */
  public int integer(String name, int bytes, int encoding, int bitOffset, int bits) {
    type(name, 1, 0, false, bytes);
    return add(encoding << 24 | bitOffset << 16 | bits);
  }

  public int array(int element, int length) {
    type("", 3, 0, false, 0);
    return add(element, 1, length);
  }

  public int struct(String name, int bytes, Member... members) {
    return composite(4, name, bytes, members);
  }

  public int union(String name, int bytes, Member... members) {
    return composite(5, name, bytes, members);
  }

  private int composite(int kind, String name, int bytes, Member... members) {
    boolean bitFields = false;
    for (Member member : members) {
      bitFields |= member.bits != 0;
    }
    type(name, kind, members.length, bitFields, bytes);
    List<Integer> words = new ArrayList<>();
    for (Member member : members) {
      words.add(name(member.name));
      words.add(member.type);
      words.add(bitFields ? member.bits << 24 | member.offsetBits : member.offsetBits);
    }
    return add(words.stream().mapToInt(Integer::intValue).toArray());
  }

  /** PTR, TYPEDEF, CONST, VOLATILE, RESTRICT, TYPE_TAG, FUNC: what refers to one other type. */
  public int reference(BtfKind kind, String name, int target) {
    type(name, kind(kind), 0, false, target);
    return add();
  }

  public int enumeration(String name, int bytes, boolean signed, String... members) {
    type(name, 6, members.length, signed, bytes);
    int[] words = new int[members.length * 2];
    for (int i = 0; i < members.length; i++) {
      words[2 * i] = name(members[i]);
      words[2 * i + 1] = signed ? -i : i;
    }
    return add(words);
  }

  public int enum64(String name, boolean signed, String member, long value) {
    type(name, 19, 1, signed, 8);
    return add(name(member), (int) value, (int) (value >>> 32));
  }

  public int prototype(int... arguments) {
    type("", 13, arguments.length, false, 0);
    int[] words = new int[arguments.length * 2];
    for (int i = 0; i < arguments.length; i++) {
      words[2 * i + 1] = arguments[i];
    }
    return add(words);
  }

  public int variable(String name, int type) {
    type(name, 14, 0, false, type);
    return add(1);
  }

  /** Words of three: variable, offset, size. */
  public int section(String name, int... entries) {
    type(name, 15, entries.length / 3, false, 0);
    return add(entries);
  }

  public int declTag(String name, int target) {
    type(name, 17, 0, false, target);
    return add(-1);
  }

  public int floating(String name, int bytes) {
    type(name, 16, 0, false, bytes);
    return add();
  }

  public byte[] bytes() {
    ByteBuffer all =
        ByteBuffer.allocate(24 + types.size() + names.size()).order(ByteOrder.LITTLE_ENDIAN);
    all.putShort((short) 0xeb9f).put((byte) 1).put((byte) 0).putInt(24);
    all.putInt(0).putInt(types.size()).putInt(types.size()).putInt(names.size());
    all.put(types.toByteArray()).put(names.toByteArray());
    return all.array();
  }

  public Btf build() {
    return Btf.ofRaw(ByteBuffer.wrap(bytes()));
  }

  private static int kind(BtfKind kind) {
    for (int i = 0; i < BtfKind.COUNT; i++) {
      if (BtfKind.of(i) == kind) {
        return i;
      }
    }
    throw new AssertionError(kind);
  }

  private void type(String name, int kind, int vlen, boolean flag, int sizeOrType) {
    add(name(name), (flag ? 1 << 31 : 0) | kind << 24 | vlen, sizeOrType);
    count++;
  }

  private int add(int... words) {
    ByteBuffer bytes = ByteBuffer.allocate(words.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    for (int word : words) {
      bytes.putInt(word);
    }
    types.writeBytes(bytes.array());
    return count;
  }

  private int name(String name) {
    if (name.isEmpty()) {
      return 0;
    }
    return nameOffsets.computeIfAbsent(
        name,
        n -> {
          int at = names.size();
          names.writeBytes(n.getBytes(StandardCharsets.UTF_8));
          names.write(0);
          return at;
        });
  }
}
