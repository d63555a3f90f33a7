package io.bianque.agent.container;

import java.util.Map;
import java.util.Optional;

/** What the host's files say of a container or its pod. */
record Described(
    Optional<String> name,
    Optional<String> image,
    Optional<String> runtime,
    Optional<String> podUid,
    Optional<String> podName,
    Optional<String> podNamespace,
    Map<String, String> labels) {

  static final Described NOTHING =
      new Described(
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Map.of());

  Described {
    labels = Map.copyOf(labels);
  }

  /** This, and from the other what is lacking here. */
  Described or(Described other) {
    return new Described(
        name.or(other::name),
        image.or(other::image),
        runtime.or(other::runtime),
        podUid.or(other::podUid),
        podName.or(other::podName),
        podNamespace.or(other::podNamespace),
        labels.isEmpty() ? other.labels : labels);
  }
}
