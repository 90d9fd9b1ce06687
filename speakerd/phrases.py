"""What the loudspeaker says when something went wrong, in other languages than English. Pure."""

from __future__ import annotations

from collections.abc import Iterable

_ORDER = ("de", "fr", "es", "it", "nl")
_PHRASES: dict[str, tuple[str, str, str, str, str]] = {
    "I have no network connection.": (
        "Ich habe keine Verbindung zum Netzwerk.",
        "Je n'ai pas de connexion au réseau.",
        "No tengo conexión de red.",
        "Non ho connessione alla rete.",
        "Ik heb geen netwerkverbinding.",
    ),
    "I cannot find the server. Please check the network and the address.": (
        "Ich finde den Server nicht. Bitte prüfe das Netzwerk und die Adresse.",
        "Je ne trouve pas le serveur. Veuillez vérifier le réseau et l'adresse.",
        "No encuentro el servidor. Por favor, comprueba la red y la dirección.",
        "Non trovo il server. Per favore, controlla la rete e l'indirizzo.",
        "Ik kan de server niet vinden. Controleer het netwerk en het adres.",
    ),
    "I cannot connect securely. Please check my clock and certificates.": (
        "Ich kann keine sichere Verbindung herstellen. Bitte prüfe meine Uhr und die Zertifikate.",
        "Je ne peux pas établir de connexion sûre. Veuillez vérifier mon horloge et les certificats.",
        "No puedo conectarme de forma segura. Por favor, comprueba mi reloj y los certificados.",
        "Non riesco a stabilire una connessione sicura. Per favore, controlla il mio orologio e i certificati.",
        "Ik kan geen veilige verbinding maken. Controleer mijn klok en de certificaten.",
    ),
    "I cannot reach the server.": (
        "Ich kann den Server nicht erreichen.",
        "Je n'arrive pas à joindre le serveur.",
        "No puedo acceder al servidor.",
        "Non riesco a raggiungere il server.",
        "Ik kan de server niet bereiken.",
    ),
    "The address of my server is wrong. Please check the configuration.": (
        "Die Adresse meines Servers stimmt nicht. Bitte prüfe die Einstellungen.",
        "L'adresse de mon serveur est fausse. Veuillez vérifier la configuration.",
        "La dirección de mi servidor es incorrecta. Por favor, comprueba la configuración.",
        "L'indirizzo del mio server è sbagliato. Per favore, controlla la configurazione.",
        "Het adres van mijn server klopt niet. Controleer de instellingen.",
    ),
    "Sorry, I did not get to an answer.": (
        "Entschuldigung, ich bin zu keiner Antwort gekommen.",
        "Désolé, je ne suis pas arrivé à une réponse.",
        "Lo siento, no he llegado a una respuesta.",
        "Scusa, non sono arrivato a una risposta.",
        "Sorry, ik ben niet tot een antwoord gekomen.",
    ),
    "The service would not let me answer that.": (
        "Der Dienst hat mich darauf nicht antworten lassen.",
        "Le service ne m'a pas laissé répondre à cela.",
        "El servicio no me ha dejado responder a eso.",
        "Il servizio non mi ha lasciato rispondere a questo.",
        "De dienst liet me daar niet op antwoorden.",
    ),
    "That answer was too long for me.": (
        "Diese Antwort war zu lang für mich.",
        "Cette réponse était trop longue pour moi.",
        "Esa respuesta era demasiado larga para mí.",
        "Questa risposta era troppo lunga per me.",
        "Dat antwoord was te lang voor me.",
    ),
    "Sorry, I lost the connection.": (
        "Entschuldigung, die Verbindung ist abgebrochen.",
        "Désolé, j'ai perdu la connexion.",
        "Lo siento, he perdido la conexión.",
        "Scusa, ho perso la connessione.",
        "Sorry, de verbinding is verbroken.",
    ),
    "My access key was refused. Please check it.": (
        "Mein Zugangsschlüssel wurde abgelehnt. Bitte prüfe ihn.",
        "Ma clé d'accès a été refusée. Veuillez la vérifier.",
        "Mi clave de acceso ha sido rechazada. Por favor, compruébala.",
        "La mia chiave di accesso è stata rifiutata. Per favore, controllala.",
        "Mijn toegangssleutel is geweigerd. Controleer hem.",
    ),
    "The service is not available in this country.": (
        "Den Dienst gibt es in diesem Land nicht.",
        "Le service n'est pas disponible dans ce pays.",
        "El servicio no está disponible en este país.",
        "Il servizio non è disponibile in questo paese.",
        "De dienst is in dit land niet beschikbaar.",
    ),
    "My account with the service has run out of credit.": (
        "Das Guthaben meines Kontos beim Dienst ist aufgebraucht.",
        "Mon compte auprès du service n'a plus de crédit.",
        "Mi cuenta en el servicio se ha quedado sin saldo.",
        "Il mio account presso il servizio ha esaurito il credito.",
        "Het tegoed van mijn account bij de dienst is op.",
    ),
    "The service is asking me to slow down. Please try again in a moment.": (
        "Der Dienst bittet mich, langsamer zu machen. Bitte versuche es gleich noch einmal.",
        "Le service me demande de ralentir. Veuillez réessayer dans un instant.",
        "El servicio me pide que vaya más despacio. Por favor, inténtalo de nuevo en un momento.",
        "Il servizio mi chiede di rallentare. Per favore, riprova tra un momento.",
        "De dienst vraagt me om het rustiger aan te doen. Probeer het zo meteen opnieuw.",
    ),
    "The model I am set up for does not exist any more. Please check the configuration.": (
        "Das Modell, für das ich eingerichtet bin, gibt es nicht mehr. Bitte prüfe die Einstellungen.",
        "Le modèle pour lequel je suis configuré n'existe plus. Veuillez vérifier la configuration.",
        "El modelo para el que estoy configurado ya no existe. Por favor, comprueba la configuración.",
        "Il modello per cui sono configurato non esiste più. Per favore, controlla la configurazione.",
        "Het model waarvoor ik ben ingesteld bestaat niet meer. Controleer de instellingen.",
    ),
    "The service refused my settings. Please check the configuration.": (
        "Der Dienst hat meine Einstellungen abgelehnt. Bitte prüfe sie.",
        "Le service a refusé mes réglages. Veuillez vérifier la configuration.",
        "El servicio ha rechazado mis ajustes. Por favor, comprueba la configuración.",
        "Il servizio ha rifiutato le mie impostazioni. Per favore, controlla la configurazione.",
        "De dienst heeft mijn instellingen geweigerd. Controleer ze.",
    ),
    "Our conversation reached its time limit. Please call me again.": (
        "Unser Gespräch hat seine längste Dauer erreicht. Bitte rufe mich noch einmal.",
        "Notre conversation a atteint sa durée maximale. Veuillez m'appeler de nouveau.",
        "Nuestra conversación ha llegado a su límite de tiempo. Por favor, llámame otra vez.",
        "La nostra conversazione ha raggiunto il limite di tempo. Per favore, chiamami di nuovo.",
        "Ons gesprek heeft de maximale duur bereikt. Roep me opnieuw.",
    ),
    "The service has a problem. Please try again later.": (
        "Der Dienst hat eine Störung. Bitte versuche es später noch einmal.",
        "Le service a un problème. Veuillez réessayer plus tard.",
        "El servicio tiene un problema. Por favor, inténtalo más tarde.",
        "Il servizio ha un problema. Per favore, riprova più tardi.",
        "De dienst heeft een storing. Probeer het later opnieuw.",
    ),
    "The server is not answering.": (
        "Der Server antwortet nicht.",
        "Le serveur ne répond pas.",
        "El servidor no responde.",
        "Il server non risponde.",
        "De server geeft geen antwoord.",
    ),
    "My microphone is switched off.": (
        "Mein Mikrofon ist ausgeschaltet.",
        "Mon micro est coupé.",
        "Mi micrófono está apagado.",
        "Il mio microfono è spento.",
        "Mijn microfoon staat uit.",
    ),
    "I cannot hear you: my microphone does not work.": (
        "Ich höre nichts: mein Mikrofon funktioniert nicht.",
        "Je n'entends rien : mon micro ne fonctionne pas.",
        "No oigo nada: mi micrófono no funciona.",
        "Non sento niente: il mio microfono non funziona.",
        "Ik hoor niets: mijn microfoon werkt niet.",
    ),
    "I can hear you again.": (
        "Ich höre wieder.",
        "J'entends de nouveau.",
        "Ya oigo otra vez.",
        "Ora sento di nuovo.",
        "Ik hoor je weer.",
    ),
    "Today's budget is used up. I will be back tomorrow.": (
        "Das Budget für heute ist aufgebraucht. Morgen bin ich wieder da.",
        "Le budget d'aujourd'hui est épuisé. Je serai de retour demain.",
        "El presupuesto de hoy se ha agotado. Volveré mañana.",
        "Il budget di oggi è esaurito. Tornerò domani.",
        "Het budget van vandaag is op. Morgen ben ik er weer.",
    ),
    "This month's budget is used up. I will be back next month.": (
        "Das Budget für diesen Monat ist aufgebraucht. Nächsten Monat bin ich wieder da.",
        "Le budget de ce mois est épuisé. Je serai de retour le mois prochain.",
        "El presupuesto de este mes se ha agotado. Volveré el mes que viene.",
        "Il budget di questo mese è esaurito. Tornerò il mese prossimo.",
        "Het budget van deze maand is op. Volgende maand ben ik er weer.",
    ),
    "Today's budget is nearly used up.": (
        "Das Budget für heute ist fast aufgebraucht.",
        "Le budget d'aujourd'hui est presque épuisé.",
        "El presupuesto de hoy está casi agotado.",
        "Il budget di oggi è quasi esaurito.",
        "Het budget van vandaag is bijna op.",
    ),
    "This month's budget is nearly used up.": (
        "Das Budget für diesen Monat ist fast aufgebraucht.",
        "Le budget de ce mois est presque épuisé.",
        "El presupuesto de este mes está casi agotado.",
        "Il budget di questo mese è quasi esaurito.",
        "Het budget van deze maand is bijna op.",
    ),
}


def translated(sentences: Iterable[str], language: str) -> str | None:
    """The English sentences in `language` (`de`, `fr`, …); None if one of them is not known in it."""
    if language not in _ORDER:
        return None
    place = _ORDER.index(language)
    own = [_PHRASES[sentence][place] if sentence in _PHRASES else "" for sentence in sentences]
    return " ".join(own) if own and all(own) else None
