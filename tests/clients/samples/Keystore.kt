// What the samples use of Android's key store, for the compiler alone.
package android.security.keystore

import java.security.spec.AlgorithmParameterSpec

class StrongBoxUnavailableException : RuntimeException()

object KeyProperties {
    const val PURPOSE_SIGN = 4
    const val DIGEST_SHA256 = "SHA-256"
    const val KEY_ALGORITHM_EC = "EC"
}

class KeyGenParameterSpec private constructor() : AlgorithmParameterSpec {
    class Builder(val alias: String, val purposes: Int) {
        fun setAlgorithmParameterSpec(spec: AlgorithmParameterSpec): Builder = apply { check(spec != this) }
        fun setDigests(vararg digests: String): Builder = apply { check(digests.isNotEmpty()) }
        fun setIsStrongBoxBacked(backed: Boolean): Builder = apply { check(backed || !backed) }
        fun build(): KeyGenParameterSpec = KeyGenParameterSpec()
    }
}
