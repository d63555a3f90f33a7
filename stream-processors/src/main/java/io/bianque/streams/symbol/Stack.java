package io.bianque.streams.symbol;

import io.bianque.schemas.wire.EncodedTexts;
import java.util.List;

/**
 * A kernel stack as an event shows it. Immutable.
 *
 * @param frames the innermost first
 * @param hash {@link StackHash#frames}; null when a frame is unresolved, or there is none
 * @param functionsHash {@link StackHash#functions}; null when {@code hash} is
 */
public record Stack(List<String> frames, String hash, String functionsHash) {
  /** Of frames of which one at least is no more than an address, or an offset in a build. */
  public static Stack unresolved(List<String> frames) {
    return new Stack(frames, null, null);
  }

  static Stack resolved(List<String> frames) {
    if (frames.isEmpty()) {
      return unresolved(frames);
    }
    StackHash hash = StackHash.of(frames);
    // Remembered, as a rule, and written with every event that has it.
    return new Stack(new EncodedTexts(frames), hash.frames(), hash.functions());
  }
}
