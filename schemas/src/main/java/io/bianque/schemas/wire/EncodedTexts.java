package io.bianque.schemas.wire;

import java.util.AbstractList;
import java.util.List;
import java.util.RandomAccess;
import java.util.function.Function;

/**
 * Texts that are written again and again, such as the frames of a stack: encoded once. Immutable,
 * but for what somebody has {@link #derived} of them.
 */
public final class EncodedTexts extends AbstractList<String> implements RandomAccess {
  private final List<String> texts;
  private final byte[] avro;

  /** Threads may overwrite each other's, and are right all the same. */
  private Derived derived;

  private record Derived(Object by, Object value) {}

  public EncodedTexts(List<String> texts) {
    this.texts = List.copyOf(texts);
    this.avro = RecordEncoder.texts(this.texts);
  }

  /** An Avro array of strings; not to be changed. */
  byte[] avro() {
    return avro;
  }

  /** Length in bytes when it is written. */
  public int bytes() {
    return avro.length;
  }

  /**
   * What somebody makes of these texts, made once as long as nobody else asks in between.
   *
   * @param by who asks: another gets its own
   */
  @SuppressWarnings({"unchecked", "ReferenceEquality"}) // by the same, so it has the same type
  public <T> T derived(Object by, Function<EncodedTexts, T> make) {
    Derived known = derived;
    if (known == null || known.by() != by) {
      known = new Derived(by, make.apply(this));
      derived = known;
    }
    return (T) known.value();
  }

  @Override
  public String get(int index) {
    return texts.get(index);
  }

  @Override
  public int size() {
    return texts.size();
  }
}
