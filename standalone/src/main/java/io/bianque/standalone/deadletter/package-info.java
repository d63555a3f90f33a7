/**
 * The topic of dead letters: records that could not be processed, read again and sent again to
 * where they came from. Knows nothing of commands, and nothing of why a record was given up.
 */
package io.bianque.standalone.deadletter;
