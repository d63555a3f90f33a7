package io.bianque.agent.btf;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.BiFunction;

/**
 * The types of one object file or kernel, looked up by name. No type becomes an object before it is
 * asked for; what stays in memory is one offset per 64 types.
 *
 * <p>One thread. Nothing to close. Every method throws {@link BtfException} when what it reads is
 * broken.
 */
public final class Btf {
  /** Where the running kernel describes its own types. */
  public static final Path KERNEL = Path.of("/sys/kernel/btf/vmlinux");

  private static final int MAGIC = 0xeb9f;
  private static final int HEADER_BYTES = 24;

  /** A type by its id is found by walking at most this many types from a known offset. */
  private static final int MARK_EVERY = 64;

  /**
   * Bounds for what a malformed or circular description can cost; the kernel's own types need far
   * less.
   */
  private static final int MAX_DEPTH = 32;

  private static final int MAX_FLATTENED_MEMBERS = 100_000;

  private final String what;
  private final Bytes types;
  private final Bytes strings;
  private final BiFunction<String, String, OptionalInt> variableOffset;
  private final int typeCount;
  private final int[] marks;

  private Btf(String what, Bytes all, BiFunction<String, String, OptionalInt> variableOffset) {
    this.what = what;
    this.variableOffset = variableOffset;
    if (all.size() < HEADER_BYTES) {
      throw new BtfException(what + ": " + all.size() + " bytes are too few for a BTF header");
    }
    if (all.u16(0) != MAGIC) {
      throw new BtfException(
          what
              + ": offset 0x0: "
              + Bytes.hex(all.u16(0))
              + " is not BTF's magic 0xeb9f"
              + (all.u16(0) == 0x9feb ? " (big-endian BTF)" : ""));
    }
    if (all.u8(2) != 1) {
      throw new BtfException(
          what + ": offset 0x2: BTF of version " + all.u8(2) + ", only version 1 is known");
    }
    long header = all.s32(4) & 0xffffffffL;
    if (header < HEADER_BYTES) {
      throw new BtfException(what + ": offset 0x4: a header of " + header + " bytes");
    }
    this.types = all.part("types", header + (all.s32(8) & 0xffffffffL), all.s32(12) & 0xffffffffL);
    this.strings =
        all.part("names", header + (all.s32(16) & 0xffffffffL), all.s32(20) & 0xffffffffL);
    int count = 0;
    int[] found = new int[16];
    for (int at = 0; at < types.size(); at = next(at)) {
      if (count % MARK_EVERY == 0) {
        int mark = count / MARK_EVERY;
        if (mark == found.length) {
          found = Arrays.copyOf(found, mark * 2);
        }
        found[mark] = at;
      }
      count++;
    }
    this.typeCount = count;
    this.marks = Arrays.copyOf(found, (count + MARK_EVERY - 1) / MARK_EVERY);
  }

  /** The .BTF section of a probe's object file. */
  public static Btf ofElf(Path object) {
    ElfObject elf = ElfObject.read(object);
    return new Btf(object + ", section .BTF", elf.section(".BTF"), elf::variableOffset);
  }

  /** BTF alone, in memory; the buffer must not change afterwards. */
  public static Btf ofRaw(ByteBuffer bytes) {
    return new Btf(
        "BTF", Bytes.Memory.of("BTF", bytes), (section, variable) -> OptionalInt.empty());
  }

  /** BTF alone, in a file that is read through a window of 64 KiB and never whole. */
  public static Btf ofFile(Path file) {
    try {
      long size = Files.size(file);
      if (size > Integer.MAX_VALUE) {
        throw new BtfException(file + ": " + size + " bytes are no BTF");
      }
      Bytes all = new Bytes.Windowed(file.toString(), file, 0, (int) size);
      return new Btf(file.toString(), all, (section, variable) -> OptionalInt.empty());
    } catch (IOException e) {
      throw new BtfException(file + ": cannot be read: " + e, e);
    }
  }

  /** The running kernel's types; empty when it was built without CONFIG_DEBUG_INFO_BTF. */
  public static Optional<Btf> ofKernel() {
    return Files.isReadable(KERNEL) ? Optional.of(ofFile(KERNEL)) : Optional.empty();
  }

  /** Whether there is a type, function or variable of that kind and name. */
  public boolean has(BtfKind kind, String name) {
    return find(name, kind).isPresent();
  }

  /** The struct or union of that name. */
  public Optional<BtfStruct> struct(String name) {
    OptionalInt at = find(name, BtfKind.STRUCT, BtfKind.UNION);
    if (at.isEmpty()) {
      return Optional.empty();
    }
    List<BtfField> fields = new ArrayList<>();
    flatten(at.getAsInt(), 0, 0, new int[] {MAX_FLATTENED_MEMBERS}, fields);
    return Optional.of(new BtfStruct(name, sizeOf(at.getAsInt()), List.copyOf(fields)));
  }

  /** The enum of that name, of 32 or 64 bits. */
  public Optional<BtfType.Enumeration> enumeration(String name) {
    OptionalInt at = find(name, BtfKind.ENUM, BtfKind.ENUM64);
    return at.isEmpty()
        ? Optional.empty()
        : Optional.of(enumerationAt("enum " + name, at.getAsInt()));
  }

  /**
   * C types of a tracepoint's arguments as a {@code tp_btf} program finds them in its context, in
   * order; empty when this kernel has no such tracepoint. Their number differs between kernels:
   * skb:kfree_skb has 2 before 5.17, 3, then 4.
   */
  public Optional<List<String>> tracepointArguments(String tracepoint) {
    OptionalInt typedef = find("btf_trace_" + tracepoint, BtfKind.TYPEDEF);
    if (typedef.isEmpty()) {
      return Optional.empty();
    }
    int pointer = offsetOf(types.s32(typedef.getAsInt() + 8));
    int prototype = kind(pointer) == BtfKind.PTR ? offsetOf(types.s32(pointer + 8)) : pointer;
    if (kind(prototype) != BtfKind.FUNC_PROTO) {
      throw broken(typedef.getAsInt(), "btf_trace_" + tracepoint + " is no function pointer");
    }
    List<String> arguments = new ArrayList<>();
    // The first one is the void *__data of whoever registered; a program does not see it.
    for (int i = 1; i < vlen(prototype); i++) {
      arguments.add(cName(types.s32(prototype + 12 + i * 8 + 4), 0));
    }
    return Optional.of(List.copyOf(arguments));
  }

  /** Variables of a section, such as {@code .rodata}; empty when there is no such section. */
  public List<BtfVariable> variables(String section) {
    OptionalInt at = find(section, BtfKind.DATASEC);
    List<BtfVariable> variables = new ArrayList<>();
    for (int i = 0; at.isPresent() && i < vlen(at.getAsInt()); i++) {
      int entry = at.getAsInt() + 12 + i * 12;
      int variable = offsetOf(types.s32(entry));
      if (kind(variable) != BtfKind.VAR) {
        continue; // A DATASEC may name functions too (extern ones, since clang 16).
      }
      String name = nameOf(variable);
      BtfType type = type(types.s32(variable + 8), 0);
      variables.add(
          new BtfVariable(
              name,
              variableOffset.apply(section, name).orElse(types.s32(entry + 4)),
              types.s32(entry + 8),
              type,
              isConstVolatile(types.s32(variable + 8))));
    }
    return List.copyOf(variables);
  }

  private OptionalInt find(String name, BtfKind first, BtfKind... more) {
    int[] names = Names.offsets(strings, name);
    if (names.length == 0) {
      return OptionalInt.empty();
    }
    Set<BtfKind> wanted = EnumSet.of(first, more);
    for (int at = 0; at < types.size(); at = next(at)) {
      if (wanted.contains(kind(at)) && Arrays.binarySearch(names, types.s32(at)) >= 0) {
        return OptionalInt.of(at);
      }
    }
    return OptionalInt.empty();
  }

  private void flatten(int at, int baseBits, int depth, int[] budget, List<BtfField> fields) {
    if (depth > MAX_DEPTH) {
      throw broken(at, "anonymous structs nest deeper than " + MAX_DEPTH);
    }
    boolean withBitFields = kflag(at);
    for (int i = 0; i < vlen(at); i++) {
      if (--budget[0] < 0) {
        throw broken(at, "struct of more than " + MAX_FLATTENED_MEMBERS + " members");
      }
      int member = at + 12 + i * 12;
      int id = types.s32(member + 4);
      int place = types.s32(member + 8);
      int bits = baseBits + (withBitFields ? place & 0xffffff : place);
      String name = name(types.s32(member));
      int target = offsetOfStripped(id);
      if (name.isEmpty() && target >= 0 && isComposite(kind(target))) {
        flatten(target, bits, depth + 1, budget, fields);
      } else if (withBitFields) {
        fields.add(new BtfField(name, bits, place >>> 24, type(id, 0)));
      } else {
        fields.add(bitFieldOfInt(name, bits, id, target));
      }
    }
  }

  /**
   * Before the kind flag (clang 7), a bit-field was a member whose INT type said its own offset and
   * width.
   */
  private BtfField bitFieldOfInt(String name, int bits, int id, int target) {
    BtfType type = type(id, 0);
    if (target >= 0 && kind(target) == BtfKind.INT) {
      int encoding = types.s32(target + 12);
      int width = encoding & 0xff;
      if (width != type.size() * 8) {
        return new BtfField(name, bits + (encoding >>> 16 & 0xff), width, type);
      }
    }
    return new BtfField(name, bits, 0, type);
  }

  private BtfType type(int id, int depth) {
    if (depth > MAX_DEPTH) {
      throw new BtfException(what + ": type " + id + " nests deeper than " + MAX_DEPTH);
    }
    String name = cName(id, depth);
    int at = offsetOfStripped(id);
    if (at < 0) {
      return new BtfType.Opaque(name);
    }
    return switch (kind(at)) {
      case INT -> {
        int encoding = types.s32(at + 12);
        boolean character = (encoding >>> 24 & 2) != 0 || nameOf(at).equals("char");
        yield new BtfType.Int(
            name, sizeOf(at), (encoding >>> 24 & 1) != 0, character, (encoding >>> 24 & 4) != 0);
      }
      case PTR -> new BtfType.Pointer(name, 8);
      case ARRAY ->
          new BtfType.Array(
              name, type(types.s32(at + 12), depth + 1), types.s32(at + 20) & 0xffffffffL);
      case STRUCT, UNION -> new BtfType.Composite(name, sizeOf(at));
      case ENUM, ENUM64 -> enumerationAt(name, at);
      case FLOAT -> new BtfType.Floating(name, sizeOf(at));
      default -> new BtfType.Opaque(name);
    };
  }

  private BtfType.Enumeration enumerationAt(String cName, int at) {
    boolean wide = kind(at) == BtfKind.ENUM64;
    boolean signed = kflag(at);
    int stride = wide ? 12 : 8;
    List<BtfType.EnumMember> members = new ArrayList<>(vlen(at));
    for (int i = 0; i < vlen(at); i++) {
      int member = at + 12 + i * stride;
      long value = types.s32(member + 4);
      if (wide) {
        value = (value & 0xffffffffL) | ((long) types.s32(member + 8) << 32);
      } else if (!signed) {
        value &= 0xffffffffL;
      }
      members.add(new BtfType.EnumMember(name(types.s32(member)), value));
    }
    return new BtfType.Enumeration(cName, sizeOf(at), signed, List.copyOf(members));
  }

  /** Offset of the type below typedefs and qualifiers; negative for void. */
  private int offsetOfStripped(int id) {
    int current = id;
    for (int depth = 0; depth < MAX_DEPTH; depth++) {
      if (current == 0) {
        return -1;
      }
      int at = offsetOf(current);
      switch (kind(at)) {
        case TYPEDEF, CONST, VOLATILE, RESTRICT, TYPE_TAG, DECL_TAG, VAR ->
            current = types.s32(at + 8);
        default -> {
          return at;
        }
      }
    }
    throw new BtfException(what + ": type " + id + " is a chain or circle of typedefs");
  }

  private boolean isConstVolatile(int id) {
    boolean isConst = false;
    boolean isVolatile = false;
    int current = id;
    for (int depth = 0; depth < MAX_DEPTH && current != 0; depth++) {
      int at = offsetOf(current);
      switch (kind(at)) {
        case CONST -> isConst = true;
        case VOLATILE -> isVolatile = true;
        // clang qualifies an array's elements instead of the array.
        case ARRAY -> {
          current = types.s32(at + 12);
          continue;
        }
        case TYPEDEF, RESTRICT, TYPE_TAG -> {}
        default -> {
          return isConst && isVolatile;
        }
      }
      current = types.s32(at + 8);
    }
    return isConst && isVolatile;
  }

  /** The type as C writes it, qualifiers left out. */
  private String cName(int id, int depth) {
    if (id == 0) {
      return "void";
    }
    if (depth > MAX_DEPTH) {
      throw new BtfException(what + ": type " + id + " nests deeper than " + MAX_DEPTH);
    }
    int at = offsetOf(id);
    return switch (kind(at)) {
      case CONST, VOLATILE, RESTRICT, TYPE_TAG, DECL_TAG, VAR ->
          cName(types.s32(at + 8), depth + 1);
      case PTR -> {
        String target = cName(types.s32(at + 8), depth + 1);
        yield target.endsWith("*") ? target + "*" : target + " *";
      }
      case ARRAY -> {
        String element = cName(types.s32(at + 12), depth + 1);
        int dimension = element.indexOf('[');
        String length = "[" + (types.s32(at + 20) & 0xffffffffL) + "]";
        yield dimension < 0
            ? element + length
            : element.substring(0, dimension) + length + element.substring(dimension);
      }
      case STRUCT -> "struct " + nameOf(at);
      case UNION -> "union " + nameOf(at);
      case FWD -> (kflag(at) ? "union " : "struct ") + nameOf(at);
      case ENUM, ENUM64 -> "enum " + nameOf(at);
      case FUNC_PROTO -> "function";
      default -> nameOf(at);
    };
  }

  private static boolean isComposite(BtfKind kind) {
    return kind == BtfKind.STRUCT || kind == BtfKind.UNION;
  }

  private int offsetOf(int id) {
    if (id < 1 || id > typeCount) {
      throw new BtfException(what + ": refers to type " + (id & 0xffffffffL) + " of " + typeCount);
    }
    int at = marks[(id - 1) / MARK_EVERY];
    for (int i = (id - 1) % MARK_EVERY; i > 0; i--) {
      at = next(at);
    }
    return at;
  }

  private int next(int at) {
    int info = types.s32(at + 4);
    int kind = info >>> 24 & 0x1f;
    int vlen = info & 0xffff;
    int payload =
        switch (kind < BtfKind.COUNT ? BtfKind.of(kind) : BtfKind.VOID) {
          case INT, VAR, DECL_TAG -> 4;
          case ARRAY -> 12;
          case STRUCT, UNION, DATASEC, ENUM64 -> vlen * 12;
          case ENUM, FUNC_PROTO -> vlen * 8;
          case VOID -> throw broken(at + 4, "a type of unknown kind " + kind);
          default -> 0;
        };
    int next = at + 12 + payload;
    if (next > types.size()) {
      throw broken(at, BtfKind.of(kind) + " of " + vlen + " members reaches beyond the types");
    }
    return next;
  }

  private BtfKind kind(int at) {
    return BtfKind.of(types.s32(at + 4) >>> 24 & 0x1f);
  }

  private int vlen(int at) {
    return types.s32(at + 4) & 0xffff;
  }

  private boolean kflag(int at) {
    return types.s32(at + 4) < 0;
  }

  private int sizeOf(int at) {
    int size = types.s32(at + 8);
    if (size < 0) {
      throw broken(at + 8, "a size of " + (size & 0xffffffffL) + " bytes");
    }
    return size;
  }

  private String nameOf(int at) {
    return name(types.s32(at));
  }

  private String name(int offset) {
    return offset == 0 ? "" : Names.string(strings, offset);
  }

  private BtfException broken(int at, String problem) {
    return new BtfException(what + ": offset " + Bytes.hex(at) + " of its types: " + problem);
  }
}
