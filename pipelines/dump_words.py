"""What pages say around their articles, in the languages of many papers: by these words furniture is known in bare text."""

from __future__ import annotations

import re


def _words(text: str) -> str:
    return "|".join(re.escape(one.strip()).replace(r"\ ", r"\s+") for one in text.split("·") if one.strip())


# names of icons, as sprites leave them: "icon user", "chevron lefticon", "svg-arrow-right"
SPRITE = re.compile(
    r"(?<!\w)(?:"
    r"(?:[\w-]*icon[\w-]*(?:\s+(?=[\w-]*icon\b|[a-z][\w-]*icon|(?:user|search|menu|close|share|play|home|arrow|chevron|bookmark|heart)\b))?)"
    r"|(?:svg|sprite|glyph|ico|fa|mdi|bi)[-_][\w-]+"
    r"|(?:arrow|chevron|caret|angle)[-_ ]?(?:up|down|left|right)(?:icon)?|hamburger[-_ ]menu|play[-_]circle|close[-_]?x"
    r")(?!\w)",
    re.IGNORECASE,
)
_ICON_NAMES = (
    "user|search|menu|close|share|play|pause|home|mail|email|print|camera|check|star|heart|clock|calendar|download|upload|link|lock"
    "|facebook|twitter|instagram|youtube|whatsapp|linkedin|bookmark|comment|bell|gear|pin|plus|minus|globe|phone|video|eye|tag|cart"
)
# a run of icons' names: at least one of them says that it is an icon
SPRITES = re.compile(rf"(?:{SPRITE.pattern}|(?<!\w)(?:{_ICON_NAMES})(?!\w)|\s|[,;:/|·•-](?=\s))*{SPRITE.pattern}(?:\s+(?:{_ICON_NAMES})(?![\w]))*",
                     re.IGNORECASE)  # fmt: skip

_NETWORKS = _words(
    "facebook · twitter · e-post · epost · sähköposti · correo · posta · x · whatsapp · linkedin · telegram · pinterest · reddit · e-mail · email · mail · print · drucken · copy link"
    "· link kopieren · copier le lien · copiar enlace · tumblr · flipboard · xing · messenger · вконтакте · одноклассники · tweet · ツイート"
    "· シェア · はてな · line · weibo · wechat · bluesky · mastodon · threads · instagram · youtube · snapchat · viber · imprimir · imprimer"
    "· stampa · skriv ut · save · pin"
)
_SHARE = _words(
    "share · share this · share this article · share this story · share on · share via · teilen · artikel teilen · partager · partager cet"
    " article · compartir · compartir en · compartilhe · compartilhar · condividi · delen · deel · dela · del · del på · udostępnij · podziel się"
    "· sdílet · jaa · paylaş · поделиться · поделиться в · поширити · シェア · シェアする · 공유 · 공유하기 · 分享 · bagikan · chia sẻ · μοιραστείτε"
    "· شارك · مشاركة · שתפו · follow us · follow us on · tweet · print"
)
SHARE = re.compile(
    rf"(?:(?<!\w)(?:{_SHARE})(?:\s+(?:on|auf|sur|en|em|su|op|på|na|в|via|per|with))?[\s:,|/·•-]*)?"
    rf"(?:(?<!\w)(?:{_NETWORKS})(?!\w)[\s,|/·•-]*){{1,12}}|(?<!\w)(?:{_SHARE})(?!\w)",
    re.IGNORECASE,
)

_END = _words(
    "related · related articles · related stories · related news · related topics · related content · related links · related posts"
    "· more from · more on this · more on this story · more stories · more news · most read · most popular · trending · trending now · read next"
    "· up next · you may also like · you might also like · recommended · recommended for you · latest news · editor's picks · don't miss"
    "· comments · leave a comment · join the conversation · tags · topics · filed under · about the author"
    "· mehr zum thema · das könnte sie auch interessieren · auch interessant · meistgelesen · weitere artikel · weitere nachrichten · kommentare"
    "· schlagworte · lesen sie auch · themen · verwandte artikel · empfehlungen der redaktion"
    "· lire aussi · à lire aussi · sur le même sujet · les plus lus · articles liés · à lire également · commentaires · voir aussi · mots-clés"
    "· te puede interesar · le puede interesar · lee también · lea también · lo más leído · más noticias · noticias relacionadas · ver también"
    "· comentarios · etiquetas · más información · también te puede interesar"
    "· leia também · leia mais · veja também · mais lidas · notícias relacionadas · comentários · saiba mais"
    "· leggi anche · potrebbe interessarti · i più letti · articoli correlati · commenti · argomenti"
    "· lees ook · lees meer · meer over · meest gelezen · gerelateerd · reacties · meer nieuws"
    "· läs mer · läs också · läs även · mest läst · relaterat · les også · les mer · mest lest · relatert · læs også · læs mere · mest læste"
    "· lue myös · luetuimmat · aiheesta lisää"
    "· czytaj także · czytaj też · czytaj więcej · zobacz także · zobacz też · polecane · najczęściej czytane · komentarze · powiązane"
    "· čtěte také · přečtěte si také · související články · nejčtenější · diskuse"
    "· читайте также · читать также · по теме · материалы по теме · самое читаемое · комментарии · ещё новости · смотрите также · теги"
    "· читайте також · схожі новини · ilgili haberler · çok okunanlar · yorumlar · bunlar da ilginizi çekebilir"
    "· 関連記事 · 関連ニュース · あわせて読みたい · おすすめ記事 · アクセスランキング · 人気記事 · 相关阅读 · 相关新闻 · 延伸阅读 · 热门 · 評論 · 관련기사 · 관련 기사"
    "· 많이 본 뉴스 · 댓글 · baca juga · artikel terkait · terpopuler · xem thêm · tin liên quan · bài viết liên quan · διαβάστε επίσης · σχετικά άρθρα"
    "· اقرأ أيضا · اقرأ أيضاً · مواضيع ذات صلة · الأكثر قراءة · קראו גם · כתבות נוספות"
)
# what comes behind it is no longer the article
END = re.compile(
    rf"^\W*(?:(?:{_END})(?!\w)|\d+\s+(?:comments?|kommentare?|commentaires?|comentarios|comentários|commenti|reacties|комментари\w+)\b"
    r"|©|\(c\)\s|copyright\b|all rights reserved|alle rechte vorbehalten|tous droits réservés|todos (?:los derechos|os direitos) reservados"
    r"|tutti i diritti|impressum\b|無断転載|무단\s*전재|все права защищены)",
    re.IGNORECASE,
)

_FURNITURE = _words(
    "skip to content · skip to main content · skip to navigation · zum inhalt springen · zum inhalt · aller au contenu · ir al contenido"
    "· saltar al contenido · ir para o conteúdo · vai al contenuto · naar de inhoud · advertisement · advertising · ad · anzeige · werbung"
    "· publicité · publicidad · publicidade · pubblicità · advertentie · annons · annonse · reklama · reklam · реклама · 広告 · 広告の後に記事が続きます"
    "· 광고 · 广告 · mainos · story continues below · story continues below advertisement · continue reading · read more · weiterlesen · mehr lesen"
    "· sign up to our newsletter · sign up for our newsletter · subscribe to our newsletter · get the newsletter · newsletter"
    "· newsletter abonnieren · subscribe · subscribe now · log in · login · sign in · sign up · register · anmelden · abo · abonnieren"
    "· se connecter · s'abonner · iniciar sesión · suscríbete · suscribirse · entrar · assine · assinar · accedi · abbonati · inloggen · logga in · logg inn"
    "· prenumerera · zaloguj się · войти · подписаться · подписаться на рассылку · ログイン · 会員登録 · 로그인 · 登录 · accept all · accept cookies"
    "· reject all · alle akzeptieren · tout accepter · aceptar todo · aceptar · aceitar todos · accetta tutto · configurações · einstellungen"
    "· manage preferences · save · bookmark · listen · listen to this article · artikel anhören · écouter l'article · escuchar · ouvir · menu · menü"
    "· menú · search · suche · suchen · buscar · rechercher · cerca · zoeken · sök · søk · szukaj · поиск · 検索 · home · startseite · accueil"
    "· inicio · início · strona główna · главная · ホーム · 홈 · 首页 · redacción · redaktion · la rédaction · redação · redazione"
    "· view gallery · photo gallery · play video · watch · watch video · close · back to top · nach oben · photo · image · foto"
)
FURNITURE = re.compile(rf"^\W*(?:{_FURNITURE})\W*$", re.IGNORECASE)
# whole sentences of furniture
NOTICE = re.compile(
    r"\bcookies?\b|クッキー|쿠키|\bjavascript\b|\bnewsletter\b.{0,60}(?:sign|subscri|inbox|anmeld|abonn|inscri|suscr|iscriv)"
    r"|(?:sign up|subscribe|anmelden|abonnieren|inscrivez|suscríbete|assine|iscriviti)\b.{0,60}\b(?:newsletter|inbox|updates|alerts)"
    r"|^\W*(?:photo|foto|image|bild|picture|credit|crédit|fotografía|zdjęcie|фото|写真|사진|照片)\s*(?:by|von|de|:|/|：)"
    r"|^\W*(?:source|sources|quelle|fuente|fonte|bron|källa|kilde|źródło|источник|来源|出处|來源|editor|edited by|责任编辑|責任編輯|编辑|編集|记者|記者"
    r"|редактор|redaktion|reporter|기자|출처|المصدر)\s*[:：]\s*.{1,40}$"
    r"|^\W*(?:(?:additional )?reporting by|editing by|compiled by|with files from|our standards)\b|^\W*(?:image|photo|picture|video)\s+(?:source|caption|credit)\b"
    r"|^.{0,25}(?<!\w)\d{1,2}\s+(?:seconds?|minutes?|mins?|hours?|hrs?|days?|weeks?)\s+ago\W*$|^\W*(?:vor|il y a|hace|há|fa|for|för)\s+\d{1,2}\s+\w{1,9}\W*(?:siden|sedan)?\W*$"
    r"|^\W*\d+\s*(?:min(?:ute)?n?s?\.?)(?:\s+(?:read|lesezeit|de lecture|de lectura|de leitura|lettura|czytania))?\W*$"
    r"|^\W*(?:temps de lecture|lesezeit|reading time|tiempo de lectura|tempo de leitura|tempo di lettura|leestijd|lästid)\b"
    r"|^\W*(?:read also|also read|read more|see also|lesen sie auch|lire aussi|à lire aussi|lee también|lea también|leia também|leggi anche"
    r"|lees ook|läs också|läs även|les også|læs også|czytaj też|czytaj także|читайте также|関連記事|あわせて読みたい)\s*[:：]",
    re.IGNORECASE,
)
# how long it takes to read, within a line
READING = re.compile(
    r"(?:(?:temps de lecture|lesezeit|reading time|tiempo de lectura|tempo de leitura|tempo di lettura|leestijd|lästid)\s*:?\s*)"
    r"(?:ca\.\s*)?\d{1,3}\s*min\w*\.?|(?<!\w)\d{1,2}[ -]min(?:ute)?s?\.?\s(?:read|lesezeit|de lecture|de lectura|de leitura)(?!\w)",
    re.IGNORECASE,
)
# who wrote it, where it stands by itself
BYLINE = re.compile(
    r"^\W*(?:(?:by|von|par|por|di|da|door|av|af|autor(?:in|a)?|author|text|texte|texto|testo|autore|fot|автор|текст|文|取材|redazione)\s*:?\s+"
    r"|written by\s+|story by\s+)(?=[^\W\d_])[^.!?]{2,70}$",
    re.IGNORECASE,
)
# the same within a line; names begin with capitals
_NAME = r"[A-ZÀ-ÞА-ЯЁ][\w'’-]+\.?\s+(?:(?:de|da|van|von|der|el|la|[A-Z]\.)\s+)*[A-ZÀ-ÞА-ЯЁ][\w'’-]+(?!\w)"
BYLINE_WITHIN = re.compile(rf"(?<!\w)(?:By|Von|Par|Por|Di|Door|Av|Af|Автор:?)\s+{_NAME}")
BYLINE_BEHIND = re.compile(
    rf"\s*[,|–—·-]?\s*((?:[Bb]y|[Vv]on|[Pp]ar|[Pp]or|[Dd]i|[Dd]a|[Dd]oor|[Aa]v|[Aa]f)\s+{_NAME})"
)
# what is said before a day: that it is of the publication, or of a change
PUBLISHED = re.compile(
    r"(?:publish\w*|posted|first published|veröffentlicht|erschienen|erstellt|publié\w*|mis en ligne|publicad[oa]|pubblicat[oa]|gepubliceerd"
    r"|publicerad|publisert|udgivet|opublikowano|dodano|publikováno|julkaistu|yayınlan\w*|опубликован\w*|опубліковано|公開|配信|掲載|입력|发布|發布|diterbitkan"
    r"|đăng)(?:\s+(?:on|at|am|le|el|em|il|op|den|dne))?\W*$",
    re.IGNORECASE,
)
CHANGED = re.compile(
    r"(?:updated?|modified|edited|corrected|aktualisiert|aktualizo\w*|geändert|stand|mis à jour|modifié\w*|actualizad[oa]|atualizad[oa]|aggiornat[oa]"
    r"|bijgewerkt|uppdaterad|oppdatert|opdateret|päivitetty|zaktualizowano|aktualizacja|güncellen\w*|güncelleme|обновлен\w*|изменен\w*|оновлено|更新"
    r"|수정|diperbarui|cập nhật)(?:\s+(?:on|at|am|le|el|em|il|op|den|dne|à))?\W*$",
    re.IGNORECASE,
)
MENU = frozenset(
    "home news sport sports politics business economy opinion culture weather jobs world local science health tech technology travel"
    " lifestyle entertainment video videos photos podcasts search menu subscribe login account contact about shop obituaries events classifieds"
    " startseite politik wirtschaft kultur wissen reise lokales regional panorama wetter anmelden suche abo newsletter"
    " accueil actualités politique économie sports culture météo société international sciences santé connexion s'abonner"
    " inicio noticias deportes cultura economía política mundo salud tecnología contacto opinión sociedad"
    " notícias esportes economia mundo saúde tecnologia cronaca esteri sport cultura scienze meteo"
    " gå til indhold nyheder kultur log ind forside meny hjem logg inn debatt debat uutiset urheilu"
    " nieuws binnenland buitenland economie cultuur weer nyheter ekonomi kultur väder økonomi"
    " wiadomości polityka gospodarka kultura pogoda главная новости общество спорт афиша политика экономика культура погода"
    " haberler gündem ekonomi spor dünya kontakt impressum datenschutz skip to content main navigation sign in log up".split()
)
# words that begin sentences and stand within them in small letters
OPENERS = frozenset(
    "a an the in on at for of with by from after before when while as it he she they we you i there this that these those his her their our more most"
    " many some two three but and if no not all one since under over about residents players people police officials"
    " der die das ein eine einen dem den des im in am auf an nach vor bei mit seit für über unter er sie es wir ich wer wie was wenn als nur noch"
    " alle mehr kein keine und aber zum zur ab"
    " le la les l' un une des du de d' en à au aux dans sur pour par avec sans après avant depuis il elle ils elles ce cette ces son sa ses leur"
    " selon plus quand"
    " el los las una unos del al con por para sin sobre tras desde su sus este esta esto hay más según cuando"
    " o os um uma no na nos nas do da dos das ao aos com sem após segundo mais quando"
    " il lo gli uno nel nella dal dalla con per dopo secondo questo questa più"
    " de het een op met voor na bij uit over volgens sinds er hij zij ze we"
    " det den de en ett et på med för for av till til efter etter fra från under om han hun hon som der"
    " w we z ze na po przed od do dla o u przy to ten ta te jest są nie jak gdy"
    " в во на по с со из у к о об от до за для при после перед он она они это эта этот как когда не более".split()
)
