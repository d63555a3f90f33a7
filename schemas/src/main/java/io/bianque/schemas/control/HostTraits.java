package io.bianque.schemas.control;

import io.bianque.facts.ControlSelector;
import java.util.Map;

/**
 * What requests select a host by.
 *
 * @param kernelRelease {@code uname -r}
 */
public record HostTraits(String hostId, Map<String, String> labels, String kernelRelease) {

  public HostTraits {
    labels = Map.copyOf(labels);
  }

  /** Whether all holds for this host that the selector asks for. */
  public boolean selectedBy(ControlSelector selector) {
    return (selector.getHostIds().isEmpty() || selector.getHostIds().contains(hostId))
        && labels.entrySet().containsAll(selector.getLabels().entrySet())
        && (selector.getKernel() == null || matches(selector.getKernel(), kernelRelease));
  }

  /**
   * A pattern with * and ?, as a shell has them. By hand: a regular expression made of many stars
   * can take for ever.
   */
  private static boolean matches(String glob, String text) {
    int at = 0;
    int star = -1;
    int retry = 0;
    int read = 0;
    while (read < text.length()) {
      if (at < glob.length() && glob.charAt(at) == '*') {
        star = at++;
        retry = read;
      } else if (at < glob.length()
          && (glob.charAt(at) == '?' || glob.charAt(at) == text.charAt(read))) {
        at++;
        read++;
      } else if (star >= 0) {
        // The last star takes one character more; those before it need not.
        at = star + 1;
        read = ++retry;
      } else {
        return false;
      }
    }
    while (at < glob.length() && glob.charAt(at) == '*') {
      at++;
    }
    return at == glob.length();
  }
}
