package io.bianque.schemas.raw;

import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.generic.IndexedRecord;

/**
 * The frames of a stack in user space: each an offset in a file, which its GNU build id names, or
 * an address of the process where there is no such file, with its symbol if the agent has found
 * one. In C {@code struct bpf_stack_build_id[]}.
 */
public final class UserFrames {
  /** A shorter build id is followed by zeros: the kernel does not tell its length. */
  public static final int BUILD_ID_BYTES = 20;

  /** Position of the build id in a frame; null in a frame that is an address. */
  public static final int BUILD_ID = 0;

  /** Position of the offset in the file, or the address. */
  public static final int OFFSET = 1;

  /**
   * Position of the symbol, null in a frame that is in a file, in frames that {@link #areNamed}.
   */
  public static final int SYMBOL = 2;

  /** Beside frames that are named: the C field that holds the process id. */
  public static final String PROCESS_PROPERTY = "processIn";

  private static final Schema NULLABLE_STRING =
      Schema.createUnion(Schema.create(Schema.Type.NULL), Schema.create(Schema.Type.STRING));

  private static final List<String> NAMED = List.of("build_id", "offset", "symbol");
  private static final String FRAMES = "_frames";

  private UserFrames() {}

  /** Whether the items of an array are such frames. */
  public static boolean areItemsOf(Schema array) {
    Schema frame = array.getElementType();
    if (frame.getType() != Schema.Type.RECORD) {
      return false;
    }
    List<String> names = frame.getFields().stream().map(Schema.Field::name).toList();
    if (!names.equals(NAMED) && !names.equals(NAMED.subList(0, SYMBOL))) {
      return false;
    }
    if (areNamed(array) && !frame.getFields().get(SYMBOL).schema().equals(NULLABLE_STRING)) {
      return false;
    }
    Schema buildId = frame.getFields().get(BUILD_ID).schema();
    Schema offset = frame.getFields().get(OFFSET).schema();
    return Meaning.nullable(buildId)
        && buildId.getTypes().getFirst().getType() == Schema.Type.NULL
        && buildId.getTypes().getLast().getType() == Schema.Type.FIXED
        && buildId.getTypes().getLast().getFixedSize() == BUILD_ID_BYTES
        && Meaning.of(offset).filter(meaning -> meaning == Meaning.UINT64).isPresent();
  }

  /** Whether such frames have a symbol: those of agents before it have none. */
  public static boolean areNamed(Schema array) {
    return isNamed(array.getElementType());
  }

  /** The symbol of such a frame; null when it has none. */
  public static Object symbol(IndexedRecord frame) {
    return isNamed(frame.getSchema()) ? frame.get(SYMBOL) : null;
  }

  private static boolean isNamed(Schema frame) {
    return frame.getType() == Schema.Type.RECORD && frame.getFields().size() > SYMBOL;
  }

  /** The field of the enriched event: {@code user_stack} of {@code user_frames}. */
  public static String stackField(String framesField) {
    return (framesField.endsWith(FRAMES)
            ? framesField.substring(0, framesField.length() - FRAMES.length())
            : framesField)
        + "_stack";
  }
}
