package io.bianque.streams.network;

import java.util.List;

/** A table of networks that does not apply, with every mistake found in it. */
public final class InvalidNetworks extends RuntimeException {
  /**
   * @param mistakes each with its place: {@code networks.yaml:3:5: …}
   */
  InvalidNetworks(List<String> mistakes) {
    super(String.join("\n", mistakes));
  }
}
