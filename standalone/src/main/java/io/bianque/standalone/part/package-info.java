/**
 * What each part of the stack is: the files it needs, its command line and heap, how to ask whether
 * it works, and what must be in it before others use it. How parts run together is {@code
 * io.bianque.standalone.stack}'s.
 */
package io.bianque.standalone.part;
