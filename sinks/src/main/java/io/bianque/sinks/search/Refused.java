package io.bianque.sinks.search;

import java.io.IOException;
import java.io.InputStream;

/**
 * The server will not do this for us, however often it is asked; a person has to change something.
 */
final class Refused extends RuntimeException {
  private static final long serialVersionUID = 1L;

  Refused(String message) {
    super(message);
  }

  /**
   * Of an answer that is not the one hoped for.
   *
   * @throws Refused when asking again is no use
   * @throws IOException when it is
   */
  static IOException orPassing(String asked, int status, InputStream body) throws IOException {
    String why = asked + ": HTTP " + status + ": " + SearchServer.text(body);
    if (SearchServer.passing(status)) {
      return new IOException(why);
    }
    throw new Refused(why);
  }
}
