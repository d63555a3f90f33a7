package io.bianque.agent.encode;

import io.bianque.agent.btf.Btf;
import io.bianque.agent.btf.BtfStruct;
import io.bianque.schemas.raw.UserFrames;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.apache.avro.Schema;

/**
 * How the events of one probe become Avro: a flat list of "read this width at this offset, write it
 * so", compiled once.
 *
 * <p>One thread encodes with a plan at a time.
 */
public final class EncodePlan {
  /**
   * Ints of one op: its code, where it reads, then operands as {@link PlanCompiler} lays them out.
   */
  static final int OP_INTS = 6;

  static final int AT = 1;
  static final int SHIFT = 2;
  static final int LIMIT = 3;
  static final int LENGTH_AT = 4;
  static final int LENGTH_SHIFT = 5;

  static final int UNSIGNED = 0;
  static final int SIGNED = 1;
  static final int BOOLEAN = 2;
  static final int ENUM = 3;
  static final int STRING = 4;
  static final int BYTES = 5;
  static final int UNSIGNED_ARRAY = 6;
  static final int SIGNED_ARRAY = 7;

  /** Null or not, in front of the op that writes the value and is skipped for null. */
  static final int NULLABLE = 8;

  static final int HOST_ID = 9;
  static final int BOOT_ID = 10;
  static final int EPOCH = 11;
  static final int WALL_TIME = 12;

  /** All elements up to the last that is not 0. */
  static final int HISTOGRAM = 13;

  /** An array of {@code struct bpf_stack_build_id}. */
  static final int USER_FRAMES = 14;

  /** The process whose frames the next op writes. */
  static final int PROCESS = 15;

  /** {@link #USER_FRAMES}, each with its symbol, if it has one. */
  static final int NAMED_USER_FRAMES = 16;

  /** Bytes of {@code struct bpf_stack_build_id}, and where its parts are. */
  static final int FRAME_BYTES = 32;

  private static final int FRAME_BUILD_ID = 4;
  private static final int FRAME_OFFSET = 24;

  /** Status of a frame that has a build id. */
  private static final int BPF_STACK_BUILD_ID_VALID = 1;

  /** Status of a frame that has an address only. */
  private static final int BPF_STACK_BUILD_ID_IP = 2;

  /** Bytes that the longest name's length takes. */
  static final int LONGEST_NAME_LENGTH = AvroBytes.sizeOfLong(CodeNames.MOST_BYTES);

  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());

  /** As text: parsed it takes five times as much, and is asked for once. */
  private final String schema;

  private final int[] ops;
  private final int structSize;
  private final int minLength;
  private final int maxEncodedSize;
  private final int ktimeAt;

  /**
   * The event being encoded. Copied out of the channel's memory at once: under C1 a get from a
   * direct buffer costs 5 ns, from an array 1.5 ns, and an event has some 60 of them. Eight bytes
   * longer, so that each integer is read as a long and shifted to its width.
   */
  private final byte[] event;

  EncodePlan(
      Schema schema, int[] ops, int structSize, int minLength, int maxEncodedSize, int ktimeAt) {
    this.schema = schema.toString();
    this.ops = ops;
    this.structSize = structSize;
    this.minLength = minLength;
    this.maxEncodedSize = maxEncodedSize;
    this.ktimeAt = ktimeAt;
    this.event = new byte[structSize + Long.BYTES];
  }

  /** What the encoded events are written as, parsed anew. */
  public Schema schema() {
    return new Schema.Parser().parse(schema);
  }

  /**
   * Matches a struct with a schema, field by field by name.
   *
   * @throws PlanMismatch when they differ in anything, with all the differences
   */
  public static EncodePlan compile(Btf btf, String struct, Schema schema) {
    return compile(
        btf.struct(struct)
            .orElseThrow(() ->
                new PlanMismatch(
                    "struct "
                        + struct
                        + " is not in the object's BTF, schema "
                        + schema.getFullName()
                        + " describes it; a struct that no map, variable"
                        + " or argument uses leaves no BTF")),
        schema);
  }

  /**
   * Matches a layout with a schema, field by field by name.
   *
   * @throws PlanMismatch when they differ in anything, with all the differences
   */
  public static EncodePlan compile(BtfStruct layout, Schema schema) {
    return new PlanCompiler(layout, schema).compile();
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
   * Writes the Avro body of the event at {@code data[offset, offset + length)}. Allocates nothing.
   *
   * @param data in any byte order, since it is copied as bytes; its position does not matter and
   *     stays
   * @param length may be less than the struct's size: its last array may be cut behind the elements
   *     it has
   * @param out needs {@link #maxEncodedSize} bytes from {@code outOffset}; undefined there after a
   *     failure
   * @return bytes written, or a negative number that {@link EncodeFailure#of} explains
   */
  public int encode(
      ByteBuffer data, int offset, int length, AgentFields agent, byte[] out, int outOffset) {
    if (length < minLength) {
      return EncodeFailure.TRUNCATED.code;
    }
    if (out.length - outOffset < maxEncodedSize) {
      return EncodeFailure.NO_ROOM.code;
    }
    int have = Math.min(length, structSize);
    byte[] from = event;
    data.get(offset, from, 0, have);
    int[] plan = ops;
    int at = outOffset;
    int process = 0;
    for (int op = 0; op < plan.length; op += OP_INTS) {
      int field = plan[op + AT];
      switch (plan[op]) {
        case UNSIGNED -> at = AvroBytes.writeLong(unsigned(from, field, plan[op + SHIFT]), out, at);
        case SIGNED -> at = AvroBytes.writeLong(signed(from, field, plan[op + SHIFT]), out, at);
        case BOOLEAN -> out[at++] = (byte) (from[field] == 0 ? 0 : 1);
        case ENUM -> {
          long ordinal = unsigned(from, field, plan[op + SHIFT]);
          if (ordinal >= plan[op + LIMIT]) {
            return EncodeFailure.ENUM_OUT_OF_RANGE.code;
          }
          at = AvroBytes.writeLong(ordinal, out, at);
        }
        case STRING -> at = Utf8.writeString(from, field, field + plan[op + LIMIT], out, at);
        case BYTES -> {
          long count = unsigned(from, plan[op + LENGTH_AT], plan[op + LENGTH_SHIFT]);
          if (Long.compareUnsigned(count, plan[op + LIMIT]) > 0) {
            return EncodeFailure.LENGTH_BEYOND_ARRAY.code;
          }
          if (field + (int) count > have) {
            return EncodeFailure.TRUNCATED.code;
          }
          at = AvroBytes.writeLong(count, out, at);
          System.arraycopy(from, field, out, at, (int) count);
          at += (int) count;
        }
        case UNSIGNED_ARRAY, SIGNED_ARRAY -> {
          long count = unsigned(from, plan[op + LENGTH_AT], plan[op + LENGTH_SHIFT]);
          if (Long.compareUnsigned(count, plan[op + LIMIT]) > 0) {
            return EncodeFailure.LENGTH_BEYOND_ARRAY.code;
          }
          int shift = plan[op + SHIFT];
          int end = field + (int) count * (Long.BYTES - shift / Byte.SIZE);
          if (end > have) {
            return EncodeFailure.TRUNCATED.code;
          }
          at = writeArray(plan[op] == SIGNED_ARRAY, from, field, end, shift, (int) count, out, at);
        }
        case PROCESS -> process = (int) unsigned(from, field, plan[op + SHIFT]);
        case USER_FRAMES, NAMED_USER_FRAMES -> {
          long count = unsigned(from, plan[op + LENGTH_AT], plan[op + LENGTH_SHIFT]);
          if (Long.compareUnsigned(count, plan[op + LIMIT]) > 0) {
            return EncodeFailure.LENGTH_BEYOND_ARRAY.code;
          }
          int end = field + (int) count * FRAME_BYTES;
          if (end > have) {
            return EncodeFailure.TRUNCATED.code;
          }
          at =
              plan[op] == USER_FRAMES
                  ? writeUserFrames(from, field, end, (int) count, out, at)
                  : writeNamedUserFrames(
                      from, field, end, (int) count, process, agent.codeNames, out, at);
        }
        case NULLABLE -> {
          boolean present = unsigned(from, field, plan[op + SHIFT]) != 0;
          int nullBranch = plan[op + LIMIT];
          // Branch indexes 0 and 1 as zig-zag: 0 and 2.
          out[at++] = (byte) (present ? 2 - 2 * nullBranch : 2 * nullBranch);
          if (!present) {
            op += OP_INTS;
          }
        }
        case HISTOGRAM -> {
          int end = field + plan[op + LIMIT] * Long.BYTES;
          if (end > have) {
            return EncodeFailure.TRUNCATED.code;
          }
          while (end > field && (long) LONG.get(from, end - Long.BYTES) == 0) {
            end -= Long.BYTES;
          }
          at = writeArray(false, from, field, end, 0, (end - field) / Long.BYTES, out, at);
        }
        case HOST_ID -> at = copy(agent.hostId, out, at);
        case BOOT_ID -> at = copy(agent.bootId, out, at);
        case EPOCH -> at = copy(agent.epoch, out, at);
        case WALL_TIME ->
            at =
                AvroBytes.writeLong(
                    (long) LONG.get(from, field) + agent.clockOffsetNanos(), out, at);
        default -> throw new IllegalStateException("op " + plan[op]);
      }
    }
    return at - outOffset;
  }

  /** Wall time in ns of an event that {@link #encode} accepted. */
  public long wallNanos(ByteBuffer data, int offset, AgentFields agent) {
    return data.getLong(offset + ktimeAt) + agent.clockOffsetNanos();
  }

  /** One block of all elements, then the empty block that ends an array. */
  private static int writeArray(
      boolean signed,
      byte[] from,
      int begin,
      int end,
      int shift,
      int count,
      byte[] out,
      int outAt) {
    int at = outAt;
    if (count > 0) {
      at = AvroBytes.writeLong(count, out, at);
      int width = Long.BYTES - shift / Byte.SIZE;
      for (int element = begin; element < end; element += width) {
        long value = signed ? signed(from, element, shift) : unsigned(from, element, shift);
        at = AvroBytes.writeLong(value, out, at);
      }
    }
    out[at++] = 0;
    return at;
  }

  /** Each a record of a build id, null or not, and a long. */
  private static int writeUserFrames(
      byte[] from, int begin, int end, int count, byte[] out, int outAt) {
    int at = outAt;
    if (count > 0) {
      at = AvroBytes.writeLong(count, out, at);
      for (int frame = begin; frame < end; frame += FRAME_BYTES) {
        at = writeUserFrame(from, frame, out, at);
      }
    }
    out[at++] = 0;
    return at;
  }

  /** The same with a third part, a string or null. Only of a frame in no file a name is sought. */
  private static int writeNamedUserFrames(
      byte[] from,
      int begin,
      int end,
      int count,
      int process,
      CodeNames names,
      byte[] out,
      int outAt) {
    int at = outAt;
    if (count > 0) {
      at = AvroBytes.writeLong(count, out, at);
      CodeNames.Code code = null;
      for (int frame = begin; frame < end; frame += FRAME_BYTES) {
        at = writeUserFrame(from, frame, out, at);
        if (status(from, frame) == BPF_STACK_BUILD_ID_IP) {
          code = code == null ? names.of(process) : code;
          long address = (long) LONG.get(from, frame + FRAME_OFFSET);
          // All but the innermost are where calls return to, which may be the end of the code.
          at = writeName(code, frame == begin ? address : address - 1, out, at);
        } else {
          out[at++] = 0;
        }
      }
    }
    out[at++] = 0;
    return at;
  }

  private static int writeUserFrame(byte[] from, int frame, byte[] out, int outAt) {
    int at = outAt;
    boolean inFile = status(from, frame) == BPF_STACK_BUILD_ID_VALID;
    out[at++] = (byte) (inFile ? 2 : 0);
    if (inFile) {
      System.arraycopy(from, frame + FRAME_BUILD_ID, out, at, UserFrames.BUILD_ID_BYTES);
      at += UserFrames.BUILD_ID_BYTES;
    }
    return AvroBytes.writeLong((long) LONG.get(from, frame + FRAME_OFFSET), out, at);
  }

  private static int status(byte[] from, int frame) {
    return (int) (long) LONG.get(from, frame);
  }

  /** Null or a string. The name is copied to where the longest begins, then moved. */
  private static int writeName(CodeNames.Code code, long address, byte[] out, int at) {
    int copied = at + 1 + LONGEST_NAME_LENGTH;
    int length = code.copyName(address, out, copied);
    out[at] = (byte) (length == 0 ? 0 : 2);
    if (length == 0) {
      return at + 1;
    }
    int begin = AvroBytes.writeLong(length, out, at + 1);
    if (begin != copied) {
      System.arraycopy(out, copied, out, begin, length);
    }
    return begin + length;
  }

  private static int copy(byte[] encoded, byte[] out, int at) {
    System.arraycopy(encoded, 0, out, at, encoded.length);
    return at + encoded.length;
  }

  private static long unsigned(byte[] from, int at, int shift) {
    return (long) LONG.get(from, at) << shift >>> shift;
  }

  private static long signed(byte[] from, int at, int shift) {
    return (long) LONG.get(from, at) << shift >> shift;
  }
}
