package io.bianque.agent.btf;

/**
 * The kinds of BTF types, in the order of their numbers in the format (include/uapi/linux/btf.h).
 */
public enum BtfKind {
  VOID,
  INT,
  PTR,
  ARRAY,
  STRUCT,
  UNION,
  ENUM,
  FWD,
  TYPEDEF,
  VOLATILE,
  CONST,
  RESTRICT,
  FUNC,
  FUNC_PROTO,
  VAR,
  DATASEC,
  FLOAT,
  DECL_TAG,
  TYPE_TAG,
  ENUM64;

  private static final BtfKind[] KINDS = values();

  static final int COUNT = KINDS.length;

  static BtfKind of(int number) {
    return KINDS[number];
  }
}
