package io.bianque.agent.btf;

import java.util.List;

/**
 * A C type with its typedefs and qualifiers taken off. {@link #cName} is what a person wrote in the
 * source ({@code __u64}, {@code char[16]}); {@link #size} is in bytes.
 */
public sealed interface BtfType {

  String cName();

  long size();

  /**
   * An integer of {@code size} bytes; {@code character} is C's plain {@code char}, {@code bool} is
   * {@code _Bool}.
   */
  record Int(String cName, long size, boolean signed, boolean character, boolean bool)
      implements BtfType {}

  /** An enum; members are in the order of the source. */
  record Enumeration(String cName, long size, boolean signed, List<EnumMember> members)
      implements BtfType {}

  /**
   * An array of {@code length} elements; one dimension, an array of arrays has an array as its
   * element.
   */
  record Array(String cName, BtfType element, long length) implements BtfType {
    @Override
    public long size() {
      return element.size() * length;
    }
  }

  /**
   * A struct or union that a named field holds; its own fields are found by its name with {@link
   * Btf#struct}.
   */
  record Composite(String cName, long size) implements BtfType {}

  /** A pointer, whatever it points to. */
  record Pointer(String cName, long size) implements BtfType {}

  record Floating(String cName, long size) implements BtfType {}

  /** What has no size: void, a function, a type that is only declared. */
  record Opaque(String cName) implements BtfType {
    @Override
    public long size() {
      return 0;
    }
  }

  /**
   * One name of an enum. An unsigned 64-bit value above {@link Long#MAX_VALUE} is its two's
   * complement.
   */
  record EnumMember(String name, long value) {}
}
