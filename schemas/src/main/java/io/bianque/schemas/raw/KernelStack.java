package io.bianque.schemas.raw;

import org.apache.avro.Schema;

/**
 * A kernel stack. Events were written before stacks were hashed, and what is derived for them must
 * not change: the type says that its stacks are.
 */
public final class KernelStack {
  /** Property of the type beside {@code logicalType}. */
  public static final String HASHED_PROPERTY = "hashed";

  private KernelStack() {}

  /** Whether the enriched event has hashes beside the stack. */
  public static boolean isHashed(Schema type) {
    return Meaning.of(type).filter(meaning -> meaning == Meaning.KERNEL_STACK).isPresent()
        && Boolean.TRUE.equals(Meaning.notNull(type).getObjectProp(HASHED_PROPERTY));
  }
}
