package io.bianque.agent.encode;

import io.bianque.agent.btf.BtfField;
import io.bianque.agent.btf.BtfStruct;
import io.bianque.agent.btf.BtfType;
import io.bianque.schemas.raw.UserFrames;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.Schema;

/**
 * Matches one struct with one schema and lays out the ops; collects all differences before it
 * refuses.
 */
final class PlanCompiler {
  /**
   * Logical types of numbers that fill 64 bits without a sign; Avro's long holds their two's
   * complement.
   */
  private static final Set<String> UNSIGNED_64 =
      Set.of("sequence", "monotonic-nanos", "kernel-address", "cgroup-id", "uint64", "counter");

  /** What the agent supplies: the Avro type that each must have, and its op. */
  private static final Map<String, Supplied> SUPPLIED =
      Map.of(
          "host-id", new Supplied(Schema.Type.STRING, EncodePlan.HOST_ID),
          "boot-id", new Supplied(Schema.Type.STRING, EncodePlan.BOOT_ID),
          "probe-epoch", new Supplied(Schema.Type.LONG, EncodePlan.EPOCH),
          "timestamp-nanos", new Supplied(Schema.Type.LONG, EncodePlan.WALL_TIME));

  private static final String HISTOGRAM = "log2-histogram";
  private static final String USER_FRAMES = "user-frames";

  /** ABI of bpf_get_stack(), the same on every kernel. */
  private static final String FRAME_STRUCT = "struct bpf_stack_build_id";

  /** Logical types that mean something on one Avro type only. */
  private static final Map<String, Schema.Type> TYPE_OF_LOGICAL =
      Map.of(
          "kernel-stack",
          Schema.Type.ARRAY,
          "user-stack",
          Schema.Type.ARRAY,
          HISTOGRAM,
          Schema.Type.ARRAY,
          USER_FRAMES,
          Schema.Type.ARRAY,
          "ip-address",
          Schema.Type.BYTES);

  /** More than any probe has; what a broken struct can make the agent set aside. */
  private static final int MAX_EVENT_BYTES = 64 * 1024;

  /** Every event's time; wall time is made from it. */
  private static final String KTIME = "ktime_ns";

  private record Supplied(Schema.Type type, int op) {}

  /** A C field that another one's length or presence is read from. */
  private record Place(int at, int shift) {}

  /** Thrown inside for one field; the next one is looked at all the same. */
  private static final class Refused extends Exception {
    private static final long serialVersionUID = 1L;

    Refused(String message) {
      super(message);
    }
  }

  private final String struct;
  private final Schema schema;
  private final BtfStruct layout;
  private final Map<String, BtfField> fields = new LinkedHashMap<>();
  private final Set<String> used = new HashSet<>();
  private final List<String> refusals = new ArrayList<>();
  private int[] ops = new int[0];
  private int minLength;
  private int maxEncodedSize;

  PlanCompiler(BtfStruct layout, Schema schema) {
    this.struct = layout.name();
    this.schema = schema;
    this.layout = layout;
    if (schema.getType() != Schema.Type.RECORD) {
      throw new PlanMismatch(
          "struct " + struct + ": its schema is " + schema.getType().getName() + ", no record");
    }
  }

  EncodePlan compile() {
    if (layout.size() > MAX_EVENT_BYTES) {
      throw new PlanMismatch(
          "struct "
              + struct
              + " has "
              + layout.size()
              + " bytes, an event has at most "
              + MAX_EVENT_BYTES);
    }
    for (BtfField field : layout.fields()) {
      if (!isPadding(field) && fields.put(field.name(), field) != null) {
        refusals.add(describe(field) + ": the name appears twice in the struct");
      }
      if (field.offset() + field.type().size() > layout.size()) {
        refusals.add(describe(field) + ": ends beyond the struct's " + layout.size() + " bytes");
      }
    }
    int ktimeAt = ktime();
    for (Schema.Field field : schema.getFields()) {
      try {
        compile(field);
      } catch (Refused e) {
        refusals.add(e.getMessage());
      }
    }
    for (BtfField field : fields.values()) {
      if (!used.contains(field.name())) {
        refusals.add(unused(field));
      }
    }
    if (!refusals.isEmpty()) {
      throw new PlanMismatch(String.join("\n", refusals));
    }
    return new EncodePlan(schema, ops, layout.size(), minLength, maxEncodedSize, ktimeAt);
  }

  /** Each event has its time, whether or not the schema carries it: it becomes the record's own. */
  private int ktime() {
    BtfField field = fields.get(KTIME);
    if (field == null) {
      refusals.add(
          "struct "
              + struct
              + " has no field "
              + KTIME
              + " (__u64, bpf_ktime_get_ns()): schema "
              + schema.getFullName()
              + " and the event's wall time need it");
      return 0;
    }
    if (!(field.type() instanceof BtfType.Int type) || type.size() != 8 || type.signed()) {
      refusals.add(describe(field) + ": must be __u64, the event's wall time is made from it");
      return 0;
    }
    used.add(KTIME);
    needs(field);
    return field.offset();
  }

  private void compile(Schema.Field field) throws Refused {
    Schema value = field.schema();
    if (value.getType() == Schema.Type.UNION) {
      compileNullable(field);
      return;
    }
    if (field.getProp("presentIf") != null) {
      throw refused(field, "says presentIf " + field.getProp("presentIf") + " but is not nullable");
    }
    Supplied supplied = SUPPLIED.get(logicalType(value));
    if (supplied != null) {
      compileSupplied(field, supplied);
    } else {
      compileValue(field, value, cField(field));
    }
  }

  private void compileSupplied(Schema.Field field, Supplied supplied) throws Refused {
    if (field.schema().getType() != supplied.type) {
      throw refused(
          field,
          "logical type "
              + logicalType(field.schema())
              + " belongs on a "
              + supplied.type.getName());
    }
    if (fields.containsKey(field.name())) {
      used.add(field.name());
      throw refused(
          field,
          fields.get(field.name()),
          "is supplied by the agent (logical type "
              + logicalType(field.schema())
              + ") and must not be in the struct");
    }
    int ktimeAt = fields.containsKey(KTIME) ? fields.get(KTIME).offset() : 0;
    op(supplied.op, ktimeAt, 0, 0, 0, 0);
    maxEncodedSize +=
        supplied.type == Schema.Type.STRING
            ? AvroBytes.sizeOfLong(AgentFields.MAX_ID_BYTES) + AgentFields.MAX_ID_BYTES
            : AvroBytes.MAX_LONG;
  }

  private void compileNullable(Schema.Field field) throws Refused {
    List<Schema> branches = field.schema().getTypes();
    int nullBranch = branches.indexOf(Schema.create(Schema.Type.NULL));
    if (branches.size() != 2 || nullBranch < 0) {
      throw refused(field, "only a union of null and one other type is known");
    }
    Schema value = branches.get(1 - nullBranch);
    if (SUPPLIED.containsKey(logicalType(value))) {
      throw refused(field, "is supplied by the agent and never null: make it no union");
    }
    BtfField c = cField(field);
    String flag = field.getProp("presentIf");
    Place presence;
    if (flag != null) {
      presence = presence(field, c, flag);
    } else if (value.getType() == Schema.Type.BYTES && field.getProp("lengthIn") != null) {
      presence = length(field, c, capacity(field, c));
    } else {
      throw refused(
          field, c, "is nullable: presentIf must name the __u8 that says whether there is one");
    }
    op(EncodePlan.NULLABLE, presence.at, presence.shift, nullBranch, 0, 0);
    maxEncodedSize += 1;
    compileValue(field, value, c);
  }

  private void compileValue(Schema.Field field, Schema value, BtfField c) throws Refused {
    if (c.isBitField()) {
      throw refused(
          field, c, "is a bit-field of " + c.bitFieldBits() + " bits; use a whole integer");
    }
    String logical = logicalType(value);
    Schema.Type wanted = TYPE_OF_LOGICAL.getOrDefault(logical, value.getType());
    if (wanted != value.getType()) {
      throw refused(field, c, "logical type " + logical + " belongs on " + wanted.getName());
    }
    if (field.getProp("lengthIn") != null
        && value.getType() != Schema.Type.BYTES
        && value.getType() != Schema.Type.ARRAY) {
      throw refused(field, c, "says lengthIn but is neither bytes nor an array");
    }
    switch (value.getType()) {
      case INT, LONG -> compileInteger(field, value, c);
      case BOOLEAN -> compileBoolean(field, c);
      case ENUM -> compileEnum(field, value, c);
      case STRING -> compileString(field, c);
      case BYTES -> compileBytes(field, value, c);
      case ARRAY -> compileArray(field, value, c);
      default -> throw refused(field, c, "no C field can become this Avro type");
    }
  }

  private void compileInteger(Schema.Field field, Schema value, BtfField c) throws Refused {
    boolean signed = checkInteger(field, value, c, c.type());
    int size = (int) c.type().size();
    needs(c);
    op(signed ? EncodePlan.SIGNED : EncodePlan.UNSIGNED, c.offset(), shift(size), 0, 0, 0);
    maxEncodedSize += maxInteger(size, signed);
  }

  /** Whether a C integer fits into an Avro one without loss; returns whether it is signed. */
  private boolean checkInteger(Schema.Field field, Schema value, BtfField c, BtfType type)
      throws Refused {
    int bits = integerBytes(type) * Byte.SIZE;
    if (bits == 0) {
      throw refused(field, c, "only an integer can become " + value.getType().getName());
    }
    boolean signed = isSigned(type);
    String logical = logicalType(value);
    if (UNSIGNED_64.contains(logical)) {
      if (value.getType() != Schema.Type.LONG) {
        throw refused(field, c, "logical type " + logical + " belongs on long");
      }
      if (signed || bits != 64) {
        throw refused(
            field,
            c,
            (signed ? "signedness" : "width") + ": logical type " + logical + " needs __u64");
      }
    } else if (!signed && bits == 64) {
      throw refused(
          field,
          c,
          "signedness: an unsigned 64-bit number needs long with a logical type that says so: one of "
              + UNSIGNED_64.stream().sorted().toList());
    }
    if (value.getType() == Schema.Type.INT && (bits > 32 || (bits == 32 && !signed))) {
      throw refused(
          field,
          c,
          (bits > 32 ? "width: " : "signedness: ")
              + (signed ? "" : "unsigned ")
              + bits
              + " bits do not fit into int, make it long");
    }
    return signed;
  }

  private void compileBoolean(Schema.Field field, BtfField c) throws Refused {
    if (!(c.type() instanceof BtfType.Int integer && integer.bool())) {
      throw refused(field, c, "only bool can become boolean");
    }
    needs(c);
    op(EncodePlan.BOOLEAN, c.offset(), 0, 0, 0, 0);
    maxEncodedSize += 1;
  }

  private void compileEnum(Schema.Field field, Schema value, BtfField c) throws Refused {
    int bytes = integerBytes(c.type());
    if (bytes == 0) {
      throw refused(field, c, "only __u8, __u16 or __u32 can become an enum's ordinal");
    }
    if (isSigned(c.type())) {
      throw refused(field, c, "signedness: an enum's ordinal must be unsigned");
    }
    if (bytes > 4) {
      throw refused(field, c, "width: only __u8, __u16 or __u32 can become an enum's ordinal");
    }
    needs(c);
    int symbols = value.getEnumSymbols().size();
    op(EncodePlan.ENUM, c.offset(), shift(bytes), symbols, 0, 0);
    maxEncodedSize += AvroBytes.sizeOfLong(symbols);
  }

  private void compileString(Schema.Field field, BtfField c) throws Refused {
    if (!(c.type() instanceof BtfType.Array array
        && array.element() instanceof BtfType.Int element
        && element.character())) {
      throw refused(field, c, "only an array of char can become string");
    }
    int length = capacity(field, c);
    needs(c);
    op(EncodePlan.STRING, c.offset(), 0, length, 0, 0);
    // Each malformed byte becomes U+FFFD, three bytes.
    maxEncodedSize += AvroBytes.sizeOfLong(3L * length) + 3 * length;
  }

  private void compileBytes(Schema.Field field, Schema value, BtfField c) throws Refused {
    if (!(c.type() instanceof BtfType.Array array
        && array.element() instanceof BtfType.Int element
        && element.size() == 1
        && !element.signed()
        && !element.character()
        && !element.bool())) {
      throw refused(field, c, "only an array of __u8 can become bytes");
    }
    int capacity = capacity(field, c);
    if ("ip-address".equals(logicalType(value)) && capacity != 4 && capacity != 16) {
      throw refused(field, c, "array length: an ip-address has 4 or 16 bytes");
    }
    Place length = length(field, c, capacity);
    op(EncodePlan.BYTES, c.offset(), 0, capacity, length.at, length.shift);
    maxEncodedSize += AvroBytes.sizeOfLong(capacity) + capacity;
  }

  private void compileArray(Schema.Field field, Schema value, BtfField c) throws Refused {
    if (!(c.type() instanceof BtfType.Array array)) {
      throw refused(field, c, "only an array can become an array");
    }
    BtfType type = array.element();
    if (HISTOGRAM.equals(logicalType(value))) {
      compileHistogram(field, value, c, type);
      return;
    }
    if (USER_FRAMES.equals(logicalType(value))) {
      compileUserFrames(field, value, c, type);
      return;
    }
    boolean signed;
    String logical = logicalType(value);
    if (logical.equals("kernel-stack") || logical.equals("user-stack")) {
      if (!(type instanceof BtfType.Int integer) || integer.size() != 8 || integer.signed()) {
        throw refused(field, c, "width or signedness: a " + logical + " is an array of __u64");
      }
      if (value.getElementType().getType() != Schema.Type.LONG) {
        throw refused(field, c, "a " + logical + " has items of long");
      }
      signed = false;
    } else {
      Schema items = value.getElementType();
      if (items.getType() != Schema.Type.INT && items.getType() != Schema.Type.LONG) {
        throw refused(field, c, "only int and long are known as items of an array");
      }
      signed = checkInteger(field, items, c, type);
    }
    int capacity = capacity(field, c);
    Place length = length(field, c, capacity);
    int size = (int) type.size();
    op(
        signed ? EncodePlan.SIGNED_ARRAY : EncodePlan.UNSIGNED_ARRAY,
        c.offset(),
        shift(size),
        capacity,
        length.at,
        length.shift);
    maxEncodedSize += AvroBytes.sizeOfLong(capacity) + capacity * maxInteger(size, signed) + 1;
  }

  private void compileHistogram(Schema.Field field, Schema value, BtfField c, BtfType slot)
      throws Refused {
    if (!(slot instanceof BtfType.Int integer) || integer.size() != 8 || integer.signed()) {
      throw refused(field, c, "width or signedness: a log2-histogram is an array of __u64");
    }
    if (value.getElementType().getType() != Schema.Type.LONG) {
      throw refused(field, c, "a log2-histogram has items of long");
    }
    int slots = capacity(field, c);
    needs(c);
    op(EncodePlan.HISTOGRAM, c.offset(), 0, slots, 0, 0);
    maxEncodedSize += AvroBytes.sizeOfLong(slots) + slots * maxInteger(8, false) + 1;
  }

  private void compileUserFrames(Schema.Field field, Schema value, BtfField c, BtfType frame)
      throws Refused {
    if (!frame.cName().equals(FRAME_STRUCT) || frame.size() != EncodePlan.FRAME_BYTES) {
      throw refused(field, c, "user-frames are an array of " + FRAME_STRUCT);
    }
    if (!UserFrames.areItemsOf(value)) {
      throw refused(
          field,
          c,
          "user-frames have items of a record of build_id, null or fixed of "
              + UserFrames.BUILD_ID_BYTES
              + " bytes, offset, long with logical type uint64, and perhaps symbol, null or string");
    }
    int capacity = capacity(field, c);
    Place length = length(field, c, capacity);
    int code = EncodePlan.USER_FRAMES;
    int frameBytes = 1 + UserFrames.BUILD_ID_BYTES + AvroBytes.MAX_LONG;
    if (UserFrames.areNamed(value)) {
      Place process = process(field, c);
      op(EncodePlan.PROCESS, process.at, process.shift, 0, 0, 0);
      code = EncodePlan.NAMED_USER_FRAMES;
      // A frame has a build id or a name.
      frameBytes =
          1
              + AvroBytes.MAX_LONG
              + 1
              + Math.max(
                  UserFrames.BUILD_ID_BYTES, EncodePlan.LONGEST_NAME_LENGTH + CodeNames.MOST_BYTES);
    }
    op(code, c.offset(), 0, capacity, length.at, length.shift);
    maxEncodedSize += AvroBytes.sizeOfLong(capacity) + capacity * frameBytes + 1;
  }

  private Place process(Schema.Field field, BtfField c) throws Refused {
    String name = field.getProp(UserFrames.PROCESS_PROPERTY);
    BtfField process = name == null ? null : fields.get(name);
    if (process == null || process.isBitField() || integerBytes(process.type()) != Integer.BYTES) {
      throw refused(
          field,
          c,
          "%s must name the C field that holds the process, a __s32 or __u32; it names %s"
              .formatted(
                  UserFrames.PROCESS_PROPERTY,
                  process == null ? name + ", which the struct does not have" : describe(process)));
    }
    used.add(name);
    needs(process);
    return new Place(process.offset(), shift(Integer.BYTES));
  }

  private BtfField cField(Schema.Field field) throws Refused {
    BtfField c = fields.get(field.name());
    if (c == null) {
      throw refused(
          field, "the struct has no field of that name, and the agent does not supply it");
    }
    used.add(field.name());
    return c;
  }

  private int capacity(Schema.Field field, BtfField c) throws Refused {
    if (!(c.type() instanceof BtfType.Array array)) {
      throw refused(field, c, "is no array");
    }
    if (array.length() == 0 || array.size() > layout.size()) {
      throw refused(
          field, c, "array length: " + array.length() + " elements; a fixed number is needed");
    }
    return (int) array.length();
  }

  private Place length(Schema.Field field, BtfField c, int capacity) throws Refused {
    String name = field.getProp("lengthIn");
    if (name == null) {
      throw refused(field, c, "lengthIn must name the C field that says how many elements are set");
    }
    BtfField length = fields.get(name);
    if (length == null) {
      throw refused(field, c, "lengthIn names " + name + ", which the struct does not have");
    }
    used.add(name);
    int bytes = integerBytes(length.type());
    if (length.isBitField() || bytes == 0 || isSigned(length.type())) {
      throw refused(
          field, c, "lengthIn names " + describe(length) + ", which is no unsigned integer");
    }
    if (bytes < 4 && capacity >= 1 << (Byte.SIZE * bytes)) {
      throw refused(
          field, c, "array length: " + capacity + " cannot be said by " + describe(length));
    }
    needs(length);
    return new Place(length.offset(), shift(bytes));
  }

  private Place presence(Schema.Field field, BtfField c, String name) throws Refused {
    BtfField flag = fields.get(name);
    if (flag == null) {
      throw refused(field, c, "presentIf names " + name + ", which the struct does not have");
    }
    used.add(name);
    if (flag.isBitField()
        || !(flag.type() instanceof BtfType.Int type)
        || type.size() != 1
        || type.signed()) {
      throw refused(field, c, "presentIf names " + describe(flag) + ", which is no __u8");
    }
    needs(flag);
    return new Place(flag.offset(), shift(1));
  }

  /** An event must reach at least to the end of this field. */
  private void needs(BtfField c) {
    minLength = Math.max(minLength, c.offset() + (int) c.type().size());
  }

  private void op(int code, int at, int shift, int limit, int lengthAt, int lengthShift) {
    int end = ops.length;
    ops = Arrays.copyOf(ops, end + EncodePlan.OP_INTS);
    ops[end] = code;
    ops[end + EncodePlan.AT] = at;
    ops[end + EncodePlan.SHIFT] = shift;
    ops[end + EncodePlan.LIMIT] = limit;
    ops[end + EncodePlan.LENGTH_AT] = lengthAt;
    ops[end + EncodePlan.LENGTH_SHIFT] = lengthShift;
  }

  /** Bytes of an integer or enum that can be read as a number; 0 for all else. */
  private static int integerBytes(BtfType type) {
    boolean number =
        (type instanceof BtfType.Int integer && !integer.bool())
            || type instanceof BtfType.Enumeration;
    long size = type.size();
    return number && (size == 1 || size == 2 || size == 4 || size == 8) ? (int) size : 0;
  }

  private static boolean isSigned(BtfType type) {
    return switch (type) {
      case BtfType.Int integer -> integer.signed();
      case BtfType.Enumeration enumeration -> enumeration.signed();
      default -> false;
    };
  }

  private static int shift(int bytes) {
    return Long.SIZE - bytes * Byte.SIZE;
  }

  private static int maxInteger(int bytes, boolean signed) {
    int bits = bytes * Byte.SIZE;
    return AvroBytes.sizeOfLong(
        bits == 64 ? Long.MIN_VALUE : signed ? -1L << (bits - 1) : (1L << bits) - 1);
  }

  private static boolean isPadding(BtfField field) {
    return field.name().isEmpty() || field.name().startsWith("pad");
  }

  private static String logicalType(Schema schema) {
    String logical = schema.getProp("logicalType");
    return logical == null ? "" : logical;
  }

  private String unused(BtfField c) {
    return describe(c)
        + ": schema "
        + schema.getFullName()
        + " has no field of that name, nor a presentIf or lengthIn that reads it; name it pad* if it is padding";
  }

  private String describe(BtfField c) {
    return "struct "
        + struct
        + ", field "
        + c.name()
        + " at offset "
        + c.offset()
        + ", C type "
        + c.type().cName();
  }

  private String describe(Schema.Field field) {
    return "schema field "
        + schema.getFullName()
        + "."
        + field.name()
        + " ("
        + avroType(field)
        + ")";
  }

  private static String avroType(Schema.Field field) {
    StringBuilder text = new StringBuilder();
    Schema value = field.schema();
    if (value.getType() == Schema.Type.UNION) {
      text.append("nullable ");
      value =
          value.getTypes().stream()
              .filter(s -> s.getType() != Schema.Type.NULL)
              .findFirst()
              .orElse(value);
    }
    text.append(value.getType().getName());
    if (value.getType() == Schema.Type.ARRAY) {
      text.append(" of ").append(value.getElementType().getType().getName());
    }
    String logical = logicalType(value);
    return logical.isEmpty() ? text.toString() : text.append(", ").append(logical).toString();
  }

  private Refused refused(Schema.Field field, BtfField c, String problem) {
    return new Refused(describe(c) + ": " + describe(field) + ": " + problem);
  }

  private Refused refused(Schema.Field field, String problem) {
    return new Refused("struct " + struct + ": " + describe(field) + ": " + problem);
  }
}
